package provenance

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const commit = "c27d339ee6075c1f744c5d4b200f7901aad2c369"

// workflow is the example of GitHub's build type.
// https://github.com/actions/buildtypes/blob/main/workflow/v1/example.json
func workflow() Build {
	return Build{System: "github", Builder: "https://github.com/octocat/hello-world/.github/workflows/release.yml@refs/heads/main",
		Invocation: "https://github.com/octocat/hello-world/actions/runs/1536140711/attempts/1", Repository: "https://github.com/octocat/hello-world",
		Ref: "refs/heads/main", Commit: commit, Definition: ".github/workflows/release.yml", Event: "workflow_dispatch",
		Details: []Detail{{"repository_id", "1296269"}, {"repository_owner_id", "583231"}, {"runner_environment", "github-hosted"}}, Version: "1.0.0"}
}

func written(t *testing.T, b Build) string {
	t.Helper()
	raw, err := Write(b)
	if err != nil {
		t.Fatal(err)
	}
	judged(t, raw)
	return string(raw)
}

// judged holds the predicate against the definition of those who made it; what it does not know is ours, and has our name.
func judged(t *testing.T, raw []byte) {
	t.Helper()
	var known slsa.Provenance
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, &known); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if err := known.Validate(); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	ours := `,"stepseal_buildLevelAtMost":"SLSA_BUILD_LEVEL_1"`
	if err := protojson.Unmarshal([]byte(strings.Replace(string(raw), ours, "", 1)), &slsa.Provenance{}); err != nil {
		t.Errorf("%s: %v", raw, err)
	}
}

func TestAWorkflowIsWrittenAsGitHubDefinesIt(t *testing.T) {
	want := `{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1",` +
		`"externalParameters":{"workflow":{"ref":"refs/heads/main","repository":"https://github.com/octocat/hello-world","path":".github/workflows/release.yml"}},` +
		`"internalParameters":{"github":{"event_name":"workflow_dispatch","repository_id":"1296269","repository_owner_id":"583231","runner_environment":"github-hosted"}},` +
		`"resolvedDependencies":[{"uri":"git+https://github.com/octocat/hello-world@refs/heads/main","digest":{"gitCommit":"` + commit + `"}}]},` +
		`"runDetails":{"builder":{"id":"https://github.com/octocat/hello-world/.github/workflows/release.yml@refs/heads/main","version":{"stepseal":"1.0.0"},"stepseal_buildLevelAtMost":"SLSA_BUILD_LEVEL_1"},` +
		`"metadata":{"invocationId":"https://github.com/octocat/hello-world/actions/runs/1536140711/attempts/1"}}}`
	if diff := cmp.Diff(want, written(t, workflow())); diff != "" {
		t.Error(diff)
	}
}

func TestAnEventThatGitHubsBuildTypeIsNotForIsAnyJob(t *testing.T) {
	for _, event := range []string{"schedule", "pull_request", "repository_dispatch", ""} {
		b := workflow()
		b.Event = event
		if got := written(t, b); !strings.Contains(got, JobBuild) || strings.Contains(got, WorkflowBuild) {
			t.Errorf("%s: %s", event, got)
		}
	}
}

func TestAJobSaysWhatIsKnownOfItAndNoMore(t *testing.T) {
	job := Build{System: "tekton", Builder: "https://tekton.example.com/", Invocation: "urn:uuid:4e3b8b4c-9f0a-4b0e-8a52-0c5f4f0a1f11", Definition: "build-image",
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), Details: []Detail{{"taskRun", "build-image-x7k2p"}, {"namespace", "team"}}}
	want := `{"buildDefinition":{"buildType":"` + JobBuild + `","externalParameters":{"definition":"build-image","system":"tekton"},` +
		`"internalParameters":{"namespace":"team","taskRun":"build-image-x7k2p"}},` +
		`"runDetails":{"builder":{"id":"https://tekton.example.com/","stepseal_buildLevelAtMost":"SLSA_BUILD_LEVEL_1"},` +
		`"metadata":{"invocationId":"urn:uuid:4e3b8b4c-9f0a-4b0e-8a52-0c5f4f0a1f11","startedOn":"2026-01-02T02:04:05Z"}}}`
	if diff := cmp.Diff(want, written(t, job)); diff != "" {
		t.Error(diff)
	}
	least := written(t, Build{Builder: "https://ci.example.com/"})
	if strings.Contains(least, "metadata") || strings.Contains(least, "internalParameters") || strings.Contains(least, "resolvedDependencies") || !strings.Contains(least, `"externalParameters":{"system":"none"}`) {
		t.Error(least)
	}
}

func TestASourceWithoutARefIsToldByItsCommit(t *testing.T) {
	got := written(t, Build{Builder: "https://ci.example.com/", Repository: "https://git.example.com/app", Commit: commit})
	if !strings.Contains(got, `"uri":"git+https://git.example.com/app@`+commit+`"`) {
		t.Error(got)
	}
	if got := written(t, Build{Builder: "https://ci.example.com/", Repository: "https://git.example.com/app", Ref: "refs/heads/main"}); strings.Contains(got, "resolvedDependencies") {
		t.Errorf("what is not resolved is said to be: %s", got)
	}
}

// The name of a branch is chosen by whoever may push one.
func TestHostileTextsStayData(t *testing.T) {
	b := workflow()
	b.Ref = `refs/heads/x"},"y":{<script>&\u2028` + "\u2028"
	got := written(t, b)
	var doc struct {
		BuildDefinition struct {
			ExternalParameters struct {
				Workflow struct{ Ref string }
			}
		}
	}
	if err := json.Unmarshal([]byte(got), &doc); err != nil || doc.BuildDefinition.ExternalParameters.Workflow.Ref != b.Ref {
		t.Errorf("%s: %v", got, err)
	}
	p, err := Parse(PredicateType, []byte(got))
	if err != nil || p.Ref != b.Ref || p.Commit != commit || p.Builder != b.Builder {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhatWouldMeanSomethingElseIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Build){
		"no builder":                       func(b *Build) { b.Builder = "" },
		"a builder that is no URI":         func(b *Build) { b.Builder = "the build server" },
		"a builder with a login":           func(b *Build) { b.Builder = "https://me:secret@ci.example.com/" },
		"an invocation that is no URI":     func(b *Build) { b.Invocation = "17" },
		"a repository with a login":        func(b *Build) { b.Repository = "https://token@github.com/o/app" },
		"a repository that is no address":  func(b *Build) { b.Repository = "git@github.com:o/app" },
		"an abbreviated commit":            func(b *Build) { b.Commit = commit[:12] },
		"a commit in upper case":           func(b *Build) { b.Commit = strings.ToUpper(commit) },
		"a commit that is no hex":          func(b *Build) { b.Commit = strings.Repeat("z", 40) },
		"a newline in a ref":               func(b *Build) { b.Ref = "refs/heads/a\nb" },
		"a ref that is not UTF-8":          func(b *Build) { b.Ref = "refs/heads/\xff" },
		"a ref without an end":             func(b *Build) { b.Ref = strings.Repeat("x", maxText+1) },
		"a detail with a control sequence": func(b *Build) { b.Details[0].Value = "\x1b[2J" },
		"details without an end":           func(b *Build) { b.Details = slices.Repeat(b.Details, maxDetails) },
	} {
		b := workflow()
		change(&b)
		if raw, err := Write(b); err == nil {
			t.Errorf("%s is written: %s", name, raw)
		}
	}
}

func TestTheAddressOfARepositoryIsReadWithAndWithoutGit(t *testing.T) {
	for text, want := range map[string]string{"https://github.com/o/app.git": "https://github.com/o/app", "https://github.com/o/app/": "https://github.com/o/app", "http://git.local/o/app": "http://git.local/o/app"} {
		if got, err := ParseRepository(text); got != want || err != nil {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "github.com/o/app", "ssh://git@github.com/o/app", "https://github.com/o/app?token=x", "https://github.com/o/app#main", "https://u:p@github.com/o/app"} {
		if got, err := ParseRepository(text); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}
