package workflowlint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/workflowlint"
)

// granted are the only jobs that may write, and what.
var granted = map[string][]string{
	".github/workflows/release.yml":        {"image: packages", "pin: contents", "publish: contents"},
	"examples/github/code-scanning.yml":    {"scan: security-events"},
	"examples/github/release.yml":          {"secure: packages"},
	"examples/github/multi-job.yml":        {"sign: packages"},
	"examples/github/keyless.yml":          {"build: packages", "sign: packages", "sign: id-token"},
	"examples/github/deploy-gate.yml":      {},
	"examples/github/matrix.yml":           {},
	"examples/github/private-registry.yml": {},
}

// kinds are where workflows and actions lie; each must have some.
var kinds = []string{".github/workflows/*.yml", "examples/github/*.yml", "action.yml", "actions/*/action.yml"}

func TestWorkflowsAndActionsAreSafe(t *testing.T) {
	const root = "../.."
	for _, kind := range kinds {
		files, err := filepath.Glob(filepath.Join(root, kind))
		if err != nil || len(files) == 0 {
			t.Errorf("there is no %s (%v)", kind, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, _ := filepath.Rel(root, file)
			found, err := workflowlint.Lint(content, granted[filepath.ToSlash(name)])
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, f := range found {
				t.Errorf("%s: %s", name, f)
			}
		}
	}
}

// TestEveryRuleCatchesWhatItIsFor keeps rules from being unable to fail: each has files that are bad in just this way.
func TestEveryRuleCatchesWhatItIsFor(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad examples", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := workflowlint.Lint(content, []string{"a: packages"})
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		if err != nil || len(found) != 1 || !strings.HasPrefix(name, found[0].Rule) {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
	if _, err := workflowlint.Lint([]byte("a: b"), nil); err == nil {
		t.Error("what is neither a workflow nor an action is taken")
	}
}
