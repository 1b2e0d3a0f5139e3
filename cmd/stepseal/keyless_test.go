package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"go.yaml.in/yaml/v3"
	core "k8s.io/api/core/v1"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/workflowlint"
)

// keylessPages are those that say how to sign without a key, and what their identities must not be taken for.
var keylessPages = map[string][]string{
	"keyless-github.md": {
		"https://github.com/OWNER/APP/.github/workflows/release.yml@refs/heads/main",
		"https://github.com/OWNER/APP/.github/workflows/release.yml@refs/tags/v1.2.3-rc1",
		"https://github.com/OWNER/APP/.github/workflows/other.yml@refs/tags/v1.2.3",
		"https://github.com/OTHER/APP/.github/workflows/release.yml@refs/tags/v1.2.3",
		"https://githubxcom/OWNER/APP/.github/workflows/release.yml@refs/tags/v1.2.3",
		"https://example.com/https://github.com/OWNER/APP/.github/workflows/release.yml@refs/tags/v1.2.3",
	},
	"keyless-tekton.md": {
		"https://kubernetes.io/namespaces/default/serviceaccounts/releaser",
		"https://kubernetes.io/namespaces/release/serviceaccounts/default",
	},
	"gitlab.md": {
		"https://gitlab.com/GROUP/APP//.gitlab-ci.yml@refs/heads/main",
		"https://gitlab.com/GROUP/APP/.gitlab-ci.yml@refs/tags/v1.2.3",
		"https://gitlab.com/OTHER/APP//.gitlab-ci.yml@refs/tags/v1.2.3",
		"https://gitlabxcom/GROUP/APP//.gitlab-ci.yml@refs/tags/v1.2.3",
	},
}

var pageBlock = regexp.MustCompile("(?ms)^( *)```(?:yaml|json) (\\w+)\n(.*?)^ *```$")

// blocks are a page's YAML and JSON by the word behind the language, without the indentation of the list around it.
func blocks(t *testing.T, page string) (text string, found map[string][][]byte) {
	t.Helper()
	content, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	found = map[string][][]byte{}
	for _, at := range pageBlock.FindAllSubmatch(content, -1) {
		var plain []byte
		for line := range bytes.Lines(at[3]) {
			plain = append(plain, bytes.TrimPrefix(line, at[1])...)
		}
		found[string(at[2])] = append(found[string(at[2])], plain)
	}
	if all := strings.Count(string(content), "```yaml") + strings.Count(string(content), "```json"); all != len(slices.Concat(slices.Collect(maps.Values(found))...)) {
		t.Fatalf("%s has a block that no test looks at", page)
	}
	return string(content), found
}

// signer is what the test looks at in a trust section; internal/trust reads it.
type signer struct {
	Authority, Issuer, Subject string
	Pattern                    string `yaml:"subject-pattern"`
}

type trusting struct {
	Trust struct {
		Authorities map[string]map[string]any
		Signers     map[string]signer
		Evidence    map[string]struct{ Signers []string }
		SignWith    string `yaml:"sign-with"`
	}
}

func trusted(t *testing.T, block []byte) trusting {
	t.Helper()
	var section trusting
	if err := yaml.Unmarshal(block, &section); err != nil {
		t.Fatalf("%v in\n%s", err, block)
	}
	if len(section.Trust.Signers) != 1 || section.Trust.Authorities[section.Trust.SignWith] == nil {
		t.Fatalf("no signer, or an unknown authority, in\n%s", block)
	}
	for kind, demand := range section.Trust.Evidence {
		for _, name := range demand.Signers {
			if _, ok := section.Trust.Signers[name]; !ok {
				t.Errorf("%s is demanded of %s, whom nobody knows", kind, name)
			}
		}
	}
	return section
}

// TestKeylessPagesNameTheIdentityThatComesOut: what the page says of the certificate is what its trust section takes,
// and what others could get is not.
func TestKeylessPagesNameTheIdentityThatComesOut(t *testing.T) {
	for page, others := range keylessPages {
		text, found := blocks(t, page)
		if len(found["claims"]) != 1 || len(found["trust"]) == 0 {
			t.Fatalf("%s shows no token, or no trust section", page)
		}
		claims := tokenClaims(t, page, found["claims"][0])
		section := trusted(t, found["trust"][0])
		for name, s := range section.Trust.Signers {
			if s.Authority != section.Trust.SignWith || s.Issuer != claims["iss"] {
				t.Errorf("%s: %s is not who the token is about", page, name)
			}
			subject := subjectOf(claims)
			if !s.fits(subject) {
				t.Errorf("%s: %s is not %s", page, subject, name)
			}
			for _, other := range others {
				if s.fits(other) {
					t.Errorf("%s: %s is taken for %s", page, other, name)
				}
			}
			for _, shown := range []string{s.Issuer, subject} {
				if !strings.Contains(text, "| `"+shown+"` |") {
					t.Errorf("%s: the table of the certificate lacks %s", page, shown)
				}
			}
		}
		for _, block := range found["trust"][1:] {
			trusted(t, block)
		}
	}
}

func (s signer) fits(subject string) bool {
	if s.Pattern == "" {
		return s.Subject == subject
	}
	return strings.HasPrefix(s.Pattern, "^") && strings.HasSuffix(s.Pattern, "$") && regexp.MustCompile(s.Pattern).MatchString(subject)
}

// subjectOf is the subject alternative name that Fulcio makes.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oidc.md#oidc-token-requirements-with-extracted-claims
func subjectOf(claims map[string]any) string {
	if ref, ok := claims["job_workflow_ref"].(string); ok {
		return "https://github.com/" + ref
	}
	if ref, ok := claims["ci_config_ref_uri"].(string); ok {
		return "https://" + ref
	}
	cluster, _ := claims["kubernetes.io"].(map[string]any)
	account, _ := cluster["serviceaccount"].(map[string]any)
	namespace, _ := cluster["namespace"].(string)
	name, _ := account["name"].(string)
	return "https://kubernetes.io/namespaces/" + namespace + "/serviceaccounts/" + name
}

// tokenClaims are those of the page; a token of them is one that is taken.
func tokenClaims(t *testing.T, page string, block []byte) map[string]any {
	t.Helper()
	var claims map[string]any
	if err := json.Unmarshal(block, &claims); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	now := time.Now()
	claims["exp"] = now.Add(time.Minute).Unix()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	raw := encode([]byte(`{"alg":"RS256"}`)) + "." + encode(payload) + ".c2lnbmF0dXJl"
	if _, err := identity.Find(t.Context(), identity.Options{Given: []byte(raw), Now: func() time.Time { return now }}); err != nil {
		t.Errorf("%s: %v", page, err)
	}
	return claims
}

func TestTheKeylessWorkflowMayAskForATokenAndDoesNotMore(t *testing.T) {
	_, found := blocks(t, "keyless-github.md")
	for _, block := range found["workflow"] {
		wrong, err := workflowlint.Lint(block, []string{"sign: packages", "sign: id-token"})
		if err != nil || len(wrong) > 0 {
			t.Errorf("%v, %v", err, wrong)
		}
		var w struct {
			Jobs map[string]struct {
				Permissions map[string]string
				Steps       []struct {
					Uses string
					With map[string]string
				}
			}
		}
		if err := yaml.Unmarshal(block, &w); err != nil {
			t.Fatal(err)
		}
		job := w.Jobs["sign"]
		last := job.Steps[len(job.Steps)-1]
		if job.Permissions["id-token"] != "write" || !checkUse(t, "keyless-github.md", last.Uses, last.With) || last.With["key"] != "" {
			t.Errorf("the job does not sign without a key: %+v", job)
		}
	}
	if len(found["workflow"]) != 1 {
		t.Error("there is no workflow")
	}
}

func TestTheKeylessPipelineOnGitLabHasAToken(t *testing.T) {
	_, found := blocks(t, "gitlab.md")
	var pipeline map[string]struct {
		Tokens map[string]struct{ Aud string } `yaml:"id_tokens"`
	}
	if err := yaml.Unmarshal(found["gitlab"][0], &pipeline); err != nil {
		t.Fatal(err)
	}
	if got := pipeline["secure"].Tokens["SIGSTORE_ID_TOKEN"].Aud; got != identity.Audience {
		t.Errorf("the audience is %q", got)
	}
}

func TestKeylessPodsHaveTheTokenWhereItIsLookedFor(t *testing.T) {
	_, found := blocks(t, "keyless-tekton.md")
	var task tekton.Task
	var pod core.Pod
	var run tekton.TaskRun
	for kind, object := range map[string]any{"task": &task, "pod": &pod, "run": &run} {
		if len(found[kind]) != 1 {
			t.Fatalf("there is no %s", kind)
		}
		if err := k8syaml.UnmarshalStrict(found[kind][0], object); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if err := task.Spec.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if err := run.Spec.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	checkStepAction(t, task.Spec.Steps[0])
	file := projectedFile(t, task.Spec.Volumes)
	if at := projectedFile(t, pod.Spec.Volumes); at != file || path.Join(pod.Spec.Containers[0].VolumeMounts[0].MountPath, at) != identity.ProjectedFile {
		t.Errorf("the Pod has the token in %s", at)
	}
}

// checkStepAction holds a reference to the parameters of the StepAction that there is.
func checkStepAction(t *testing.T, step tekton.Step) {
	t.Helper()
	content, err := os.ReadFile("../../tasks/" + strings.TrimPrefix(step.Ref.Name, "stepseal-") + "/stepaction.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Spec struct {
			Params       []tekton.ParamSpec
			VolumeMounts []core.VolumeMount
		}
	}
	if err := k8syaml.Unmarshal(content, &action); err != nil {
		t.Fatal(err)
	}
	for _, given := range step.Params {
		if !slices.ContainsFunc(action.Spec.Params, func(p tekton.ParamSpec) bool { return p.Name == given.Name }) {
			t.Errorf("%s has no parameter %s", step.Ref.Name, given.Name)
		}
	}
	for _, declared := range action.Spec.Params {
		if declared.Default == nil && !slices.ContainsFunc(step.Params, func(p tekton.Param) bool { return p.Name == declared.Name }) {
			t.Errorf("%s needs the parameter %s", step.Ref.Name, declared.Name)
		}
	}
	if !slices.ContainsFunc(action.Spec.VolumeMounts, func(m core.VolumeMount) bool { return m.MountPath == path.Dir(identity.ProjectedFile) && m.ReadOnly }) {
		t.Errorf("%s does not mount the token", step.Ref.Name)
	}
}

// projectedFile is the name of the one token that volumes project.
func projectedFile(t *testing.T, volumes []core.Volume) string {
	t.Helper()
	for _, v := range volumes {
		if v.Projected == nil {
			continue
		}
		token := v.Projected.Sources[0].ServiceAccountToken
		if token == nil || token.Audience != identity.Audience {
			t.Fatalf("%s is no token for %s", v.Name, identity.Audience)
		}
		return token.Path
	}
	t.Fatal("no token is projected")
	return ""
}

// TestFulcioIsToldWhoIsTrusted: the issuer in its config is the one in the trust section, and has keys that Fulcio knows.
// https://github.com/sigstore/fulcio/blob/v1.8.7/pkg/config/config.go#L108
func TestFulcioIsToldWhoIsTrusted(t *testing.T) {
	_, found := blocks(t, "keyless-tekton.md")
	type issuer struct {
		URL    string `yaml:"issuer-url"`
		Client string `yaml:"client-id"`
		Type   string `yaml:"type"`
	}
	var config struct {
		Issuers map[string]issuer `yaml:"oidc-issuers"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(found["fulcio"][0]))
	decoder.KnownFields(true)
	if err := decoder.Decode(&config); err != nil {
		t.Fatal(err)
	}
	for _, s := range trusted(t, found["trust"][0]).Trust.Signers {
		if got, want := config.Issuers[s.Issuer], (issuer{s.Issuer, identity.Audience, "kubernetes"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
