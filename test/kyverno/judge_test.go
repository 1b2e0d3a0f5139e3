// Package kyverno asks Kyverno's own command line, and policy-controller's, what they make of rendered policies and of images
// that are signed as they should be, and as they should not. The script run builds both and starts these tests.
package kyverno

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/stepseal/stepseal/internal/trust"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"STEPSEAL_KYVERNO", "STEPSEAL_POLICY_TESTER"} {
		if os.Getenv(name) == "" {
			fmt.Fprintln(os.Stderr, name+" is not set: start these tests with test/kyverno/run")
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// pod is one case: which images it has, and whether it may run.
type pod struct {
	name       string
	containers []string
	init       []string
	ephemeral  []string
	volumes    []string
	admitted   bool
	lacks      trust.Kind // what it is refused for, and for nothing else; empty: whatever it is
	because    string     // an expression that one thing fits that is said of it; empty: whatever is said
}

func (p pod) manifest() map[string]any {
	spec := map[string]any{"containers": named("c", p.containers)}
	if len(p.init) > 0 {
		spec["initContainers"] = named("i", p.init)
	}
	if len(p.ephemeral) > 0 {
		spec["ephemeralContainers"] = named("e", p.ephemeral)
	}
	for i, image := range p.volumes {
		spec["volumes"] = []map[string]any{{"name": fmt.Sprint("v", i), "image": map[string]any{"reference": image}}}
	}
	return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": p.name, "namespace": "shop"}, "spec": spec}
}

func named(prefix string, images []string) (all []map[string]any) {
	for i, image := range images {
		all = append(all, map[string]any{"name": fmt.Sprint(prefix, i), "image": image})
	}
	return all
}

// judge lets Kyverno apply the policy to every pod and compares what it says.
func judge(t *testing.T, policy []byte, pods []pod) {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "pods.yaml"), manifests(t, pods))
	write(t, filepath.Join(folder, "policy.yaml"), policy)
	printed, logged := run(t, folder, "--policy-report", "--output-format", "json", "-v", "1")
	verdicts := verdicts(t, printed)
	for _, p := range pods {
		found, ok := verdicts[p.name]
		said := strings.Join(append(found.said, p.mentions(logged)...), "\n")
		t.Logf("%s:\n%s", p.name, said)
		if !regexp.MustCompile("(?m)" + p.because).MatchString(said) {
			t.Errorf("%s: nothing that is said of it fits %s:\n%s", p.name, p.because, said)
		}
		switch {
		case !ok:
			t.Errorf("%s: Kyverno says nothing of it", p.name)
		case found.admitted() != p.admitted:
			t.Errorf("%s: admitted is %t", p.name, found.admitted())
		}
		for _, said := range found.refusals {
			if !said.names(p.lacks) {
				t.Errorf("%s: it is refused for something else than its %s: %v", p.name, p.lacks, said)
			}
		}
	}
}

// mentions are the lines of the log that are about one of the pod's images: an ImageValidatingPolicy says there why.
func (p pod) mentions(log string) (lines []string) {
	for line := range strings.Lines(log) {
		if slices.ContainsFunc(p.containers, func(image string) bool { return strings.Contains(line, image) }) {
			lines = append(lines, "  "+strings.TrimSpace(line))
		}
	}
	return lines
}

func manifests(t *testing.T, pods []pod) []byte {
	t.Helper()
	var documents []string
	for _, p := range pods {
		text, err := yaml.Marshal(p.manifest())
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(text))
	}
	return []byte(strings.Join(documents, "---\n"))
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run applies policy.yaml to pods.yaml and gives what Kyverno prints and logs. That something is refused is an answer.
func run(t *testing.T, folder string, arguments ...string) (printed, logged string) {
	t.Helper()
	cmd := exec.Command(os.Getenv("STEPSEAL_KYVERNO"), append([]string{"apply", filepath.Join(folder, "policy.yaml"), "--resource", filepath.Join(folder, "pods.yaml"), "--registry"}, arguments...)...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "HOME="+folder, "NO_COLOR=1")
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 1) || len(out) == 0 {
		t.Fatalf("%v: %s", err, log.String())
	}
	return string(out), log.String()
}

// verdict is what the rules say of one pod.
type verdict struct {
	passed   int
	refusals []result
	said     []string
}

// admitted: an error, or no rule at all, is no yes.
func (v verdict) admitted() bool { return v.passed > 0 && len(v.refusals) == 0 }

type result struct {
	Resources []struct{ Name string } `json:"resources"`
	Rule      string                  `json:"rule"`
	Result    string                  `json:"result"`
	Message   string                  `json:"message"`
}

// names: a ClusterPolicy has a rule for each kind of evidence, the others name it in the message.
func (r result) names(kind trust.Kind) bool {
	return r.Rule == string(kind) || strings.Contains(strings.ToLower(r.Message), "lacks a "+string(kind)) || strings.Contains(strings.ToLower(r.Message), "lacks an "+string(kind)) || kind == ""
}

func verdicts(t *testing.T, printed string) map[string]verdict {
	t.Helper()
	var report struct{ Results []result }
	start := strings.Index(printed, "{")
	if start < 0 {
		t.Fatalf("no report:\n%s", printed)
	}
	if err := json.Unmarshal([]byte(printed[start:]), &report); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	all := map[string]verdict{}
	for _, r := range report.Results {
		for _, on := range r.Resources {
			v := all[on.Name]
			if r.Result == "pass" {
				v.passed++
			} else {
				v.refusals = append(v.refusals, r)
			}
			v.said = append(v.said, fmt.Sprintf("  %s: %s: %s", r.Rule, r.Result, r.Message))
			all[on.Name] = v
		}
	}
	return all
}
