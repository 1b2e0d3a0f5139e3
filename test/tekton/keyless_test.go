package tekton

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/test/sigstore/stack"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// A TaskRun signs as the ServiceAccount that it runs as, by the token that the cluster makes for it; another verifies by that
// identity; and what a third signed, as another ServiceAccount, is refused. All is as docs/keyless-tekton.md has it. The example
// deploy-gate.yaml then deploys the one and not the other.
func TestKeyless(t *testing.T) {
	s := newSpace(t, ordinary)
	s.trust(startSigstore(t))
	for _, account := range []string{"releaser", "intruder", "deployer"} {
		s.apply(object("v1", "ServiceAccount", account, map[string]any{"secrets": []any{map[string]any{"name": "registry-login"}}}))
	}
	repository, digest := app(t, s.name+"/app:1.0", "2.17.1")
	app(t, s.name+"/other:1.0", "2.17.1")
	identity := func(account string) string {
		return "https://kubernetes.io/namespaces/" + s.name + "/serviceaccounts/" + account
	}
	releaser := identity("releaser") + " (" + cluster.Issuer + ")"

	t.Run("a ServiceAccount signs", func(t *testing.T) {
		found := (&space{t, s.name}).onPageRuns("run", "sign", "accepted")
		has(t, found, map[string]string{"signature-digest": "*", "sbom-attestation-digest": "*", "scan-attestation-digest": "*", "signer": releaser})
	})
	t.Run("another TaskRun verifies by that identity", func(t *testing.T) {
		found := (&space{t, s.name}).onPageRuns("verify", "verify", "accepted")
		has(t, found, map[string]string{"signer": releaser, "image-digest": digest})
	})
	t.Run("and attests its answer by a token of a workspace", func(t *testing.T) {
		found := (&space{t, s.name}).onPageRuns("summary", "summarize", "accepted")
		has(t, found, map[string]string{"signer": releaser, "summary-attestation-digest": "*"})
	})
	other := []string{"app:1.0", "other:1.0", "releaser", "intruder"}
	t.Run("whom the trust section does not name signs nothing", func(t *testing.T) {
		within := &space{t, s.name}
		found := within.onPageRuns("run", "intrude", "refused", other...)
		has(t, found, map[string]string{"reason": "signer-not-trusted", "signature-digest": ""})
		found = within.onPageRuns("verify", "verify-nothing", "refused", other...)
		has(t, found, map[string]string{"reason": "signature-missing"})
	})
	t.Run("what another ServiceAccount signed is refused", func(t *testing.T) {
		within := &space{t, s.name}
		within.onPageRuns("run", "sign-as-intruder", "accepted", append(other, "trust.yaml", "intruder.yaml")...)
		found := within.onPageRuns("verify", "verify-other", "refused", other...)
		has(t, found, map[string]string{"reason": "signature-untrusted", "signer": ""})
		within.says(found, `subject is "`+identity("intruder")+`" and not "`+identity("releaser")+`"`)
	})
	t.Run("without the token it ends at once, with the line to add", func(t *testing.T) {
		(&space{t, s.name}).signsWithoutToken()
	})
	t.Run("the deploy gate deploys what was verified", func(t *testing.T) {
		within := &space{t, s.name}
		pinned := strings.TrimSuffix(repository, ":1.0") + "@" + digest
		within.ended(within.deployGate("deploy", "cart:1.0", "app@"+digest), "True")
		deployed := within.tasksOf("deploy", "deploy")
		if len(deployed) != 1 {
			t.Fatalf("%d deployments, want 1", len(deployed))
		}
		within.says(deployed[0], "deploying "+pinned+" "+pinned+"\n")
	})
	t.Run("the deploy gate deploys nothing beside what is refused", func(t *testing.T) {
		within := &space{t, s.name}
		within.ended(within.deployGate("deploy-refused", "cart:1.0", "other:1.0"), "False")
		var ends []string
		for _, each := range within.tasksOf("deploy-refused", "verify") {
			ends = append(ends, fmt.Sprint(each.Results()["verdict"], " ", each.Results()["reason"]))
		}
		slices.Sort(ends)
		if got := strings.Join(ends, ", "); got != "accepted , refused signature-untrusted" {
			t.Errorf("the images ended as %s", got)
		}
		if n := len(within.tasksOf("deploy-refused", "deploy")); n != 0 {
			t.Errorf("%d deployments behind a refused image", n)
		}
	})
}

// trust puts the page's trust section into the ConfigMap trust, with what it names, and beside it one of the intruder's own.
func (s *space) trust(sigstore *stack.Stack) {
	s.Helper()
	s.apply(object("v1", "ConfigMap", "authorities", map[string]any{"data": map[string]any{
		"ca.crt": string(the.private.CertificateAuthority()), "sigstore.crt": string(sigstore.Authority)}}))
	section := s.onPage("trust")
	s.apply(object("v1", "ConfigMap", "trust", map[string]any{"data": map[string]any{
		"trust.yaml":          section,
		"intruder.yaml":       strings.ReplaceAll(section, "releaser", "intruder"),
		"trusted_root.json":   s.read(sigstore.Trust().Root),
		"signing_config.json": s.read(sigstore.SigningConfig(stack.WithRekorV2)),
	}}))
}

// onPageRuns runs a TaskRun of the page under a name, with some texts of it replaced, where the registry wants a login and
// nothing is downloaded.
func (s *space) onPageRuns(word, name, verdict string, replaced ...string) cluster.Object {
	s.Helper()
	text := strings.NewReplacer(append(replaced, "generateName: sign-", "name: "+name, "generateName: verify-", "name: "+name,
		"generateName: summarize-", "name: "+name)...).Replace(s.onPage(word))
	objects, err := cluster.Decode(text)
	if err != nil {
		s.Fatal(err)
	}
	surround(objects[0])
	add(objects[0]["spec"].(map[string]any), "dockerconfig", dockerconfig)
	found := s.finish(objects[0])
	s.endsAs(found, verdict)
	return found
}

func (s *space) finish(run cluster.Object) cluster.Object {
	s.Helper()
	found, err := the.cluster.Finish(s.name, run, limit)
	s.reportLogs(found)
	for _, each := range s.tasksOf(run.Text("metadata", "name"), "") {
		s.reportLogs(each)
	}
	if err != nil {
		s.Fatal(err)
	}
	return found
}

// signsWithoutToken runs the page's Task of an image, with a volume that is empty in the place of the token's.
func (s *space) signsWithoutToken() {
	s.Helper()
	text := strings.ReplaceAll(s.onPage("task"), "{name: evidence, value: stepseal-out}", "{name: image, value: "+privateAddress+"/"+s.name+"/app:1.0}")
	objects, err := cluster.Decode(text)
	if err != nil {
		s.Fatal(err)
	}
	objects[0]["spec"].(map[string]any)["volumes"] = []any{
		map[string]any{"name": "scratch", "emptyDir": map[string]any{}}, map[string]any{"name": "sigstore", "emptyDir": map[string]any{}}}
	s.apply(objects[0])
	found := s.finish(object("tekton.dev/v1", "TaskRun", "sign-without-token", map[string]any{"spec": map[string]any{
		"taskRef": map[string]any{"name": "sign"}, "serviceAccountName": "releaser",
		"workspaces": []any{bound("source", "emptyDir", map[string]any{}), bound("trust", "configMap", map[string]any{"name": "trust"})}}}))
	s.ended(found, "False")
	s.says(found, "[identity-token-missing]", "serviceAccountToken: {audience: sigstore, expirationSeconds: 600, path: oidc-token}",
		"volumeMounts: [{name: sigstore, mountPath: /var/run/sigstore/cosign, readOnly: true}]")
	var times [2]time.Time
	for i, name := range []string{"startedAt", "finishedAt"} {
		if times[i], err = time.Parse(time.RFC3339, found.List("status", "steps")[0].Text("terminated", name)); err != nil {
			s.Fatal(err)
		}
	}
	if took := times[1].Sub(times[0]); took > time.Second {
		s.Errorf("it took %s", took)
	}
}

// deployGate runs the example for the image that was signed, by its tag, and another in the place of the second one.
func (s *space) deployGate(name, second, by string) cluster.Object {
	s.Helper()
	s.pushEcho()
	text := strings.NewReplacer("registry.example.com/tools", publicAddress+"/tools", "registry.example.com/team", privateAddress+"/"+s.name,
		"generateName: deploy-", "name: "+name, second, by).Replace(s.read("../../examples/tekton/deploy-gate.yaml"))
	objects, err := cluster.Decode(text)
	if err != nil {
		s.Fatal(err)
	}
	run := objects[len(objects)-1]
	for _, o := range objects[:len(objects)-1] {
		s.apply(o)
	}
	add(run["spec"].(map[string]any), "ssl-ca", authorities)
	return s.finish(run)
}

// says checks that the step's log has all of these texts.
func (s *space) says(found cluster.Object, texts ...string) {
	s.Helper()
	log := the.cluster.Logs(s.name, found.Text("status", "podName"))
	for _, text := range texts {
		if !strings.Contains(log, text) {
			s.Errorf("%s: the log does not say %q:\n%s", found.Text("metadata", "name"), text, log)
		}
	}
}
