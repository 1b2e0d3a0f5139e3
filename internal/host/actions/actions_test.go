package actions_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stepseal/stepseal/internal/host/actions"
	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// job is a runner's surroundings with the files that it makes.
type job struct {
	t   *testing.T
	env map[string]string
	log bytes.Buffer
}

func newJob(t *testing.T) *job {
	j := &job{t: t, env: map[string]string{}}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ARTIFACTS"} {
		j.env[name] = filepath.Join(t.TempDir(), name)
		j.write(name, "")
	}
	return j
}

func (j *job) write(name, text string) {
	if err := os.WriteFile(j.env[name], []byte(text), 0o644); err != nil {
		j.t.Fatal(err)
	}
}

func (j *job) read(name string) string {
	raw, err := os.ReadFile(j.env[name])
	if err != nil {
		j.t.Fatal(err)
	}
	return string(raw)
}

func (j *job) host() *actions.Host {
	return actions.New(plain.New(actions.Defused(&j.log), plain.Options{}), &j.log, func(name string) string { return j.env[name] })
}

// outputs reads GITHUB_OUTPUT as the runner does.
// https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs
func (j *job) outputs() map[string]string {
	values := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(j.read("GITHUB_OUTPUT"), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" {
			continue
		}
		name, delimiter, ok := strings.Cut(lines[i], "<<")
		if before, value, plain := strings.Cut(lines[i], "="); plain && (!ok || len(before) < len(name)) {
			values[before] = value
			continue
		}
		var value []string
		for i++; i < len(lines) && lines[i] != delimiter; i++ {
			value = append(value, lines[i])
		}
		if i == len(lines) || !ok {
			j.t.Fatalf("the runner cannot read %q", name)
		}
		values[name] = strings.Join(value, "\n")
	}
	return values
}

func (j *job) commands(name string) (list []string) {
	for line := range strings.Lines(j.log.String()) {
		if strings.HasPrefix(line, "::"+name) {
			list = append(list, strings.TrimSuffix(line, "\n"))
		}
	}
	return list
}

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func accepted() step.Result {
	return step.Result{Step: "scan-gate", Ending: outcome.Accepted, Outputs: []step.Value{{Name: "verdict", Value: "accepted"}, {Name: "reason"},
		{Name: "image", Value: "ghcr.io/o/app@" + digest}}, Summary: "all is well\n"}
}

func TestOutputsOfAnyFormArriveWhole(t *testing.T) {
	j := newJob(t)
	j.write("GITHUB_OUTPUT", "before=1") // of an echo without a newline
	r := accepted()
	for i, value := range []string{"", "a", "a\nb\n\nc", "x<<EOF\nverdict=accepted\nEOF", "_GitHubActionsFileCommandDelimeter_\nverdict=accepted", "\nlast", "a=b<<c"} {
		r.Outputs = append(r.Outputs, step.Value{Name: fmt.Sprint("v", i), Value: value})
	}
	if err := j.host().Publish(r); err != nil {
		t.Fatal(err)
	}
	got := j.outputs()
	for _, out := range r.Outputs {
		if got[out.Name] != out.Value {
			t.Errorf("%s is %q, not %q", out.Name, got[out.Name], out.Value)
		}
	}
	if got["before"] != "1" || len(got) != len(r.Outputs)+1 {
		t.Errorf("got %q", got)
	}
}

func TestDelimitersAreNeverTheSame(t *testing.T) {
	one, two := newJob(t), newJob(t)
	_, _ = one.host().Publish(accepted()), two.host().Publish(accepted())
	if one.read("GITHUB_OUTPUT") == two.read("GITHUB_OUTPUT") {
		t.Error("they are")
	}
}

func TestOutputsThatCannotBeWrittenAreNoYes(t *testing.T) {
	for name, spoil := range map[string]func(*job, *step.Result){
		"a folder in the place": func(j *job, _ *step.Result) { j.env["GITHUB_OUTPUT"] = t.TempDir() },
		"no folder":             func(j *job, _ *step.Result) { j.env["GITHUB_OUTPUT"] = "/nowhere/at/all" },
		"NUL":                   func(_ *job, r *step.Result) { r.Outputs[2].Value = "a\x00b" },
	} {
		t.Run(name, func(t *testing.T) {
			j, r := newJob(t), accepted()
			spoil(j, &r)
			if err := j.host().Publish(r); err == nil {
				t.Error("no error")
			}
			if !strings.Contains(j.log.String(), "[output-unwritable]") || len(j.commands("error")) != 1 {
				t.Errorf("the log does not say so: %q", j.log.String())
			}
		})
	}
}

func TestASummaryThatCannotBeWrittenShowsInTheOutputs(t *testing.T) {
	j := newJob(t)
	j.env["GITHUB_STEP_SUMMARY"] = t.TempDir()
	if err := j.host().Publish(accepted()); err == nil {
		t.Error("no error")
	}
	if got := j.outputs(); got["verdict"] != "undecided" || got["reason"] != "output-unwritable" {
		t.Errorf("got %q", got)
	}
}

func TestAToolLeavesTheFilesOfAStepAlone(t *testing.T) {
	j := newJob(t)
	err := j.host().Publish(step.Result{Step: "version", Ending: outcome.Accepted, Outputs: []step.Value{{Name: "verdict", Value: "accepted"}, {Name: "reason"}}})
	if err != nil || j.read("GITHUB_OUTPUT") != "" || j.read("GITHUB_STEP_SUMMARY") != "" {
		t.Error(err, j.read("GITHUB_OUTPUT"), j.read("GITHUB_STEP_SUMMARY"))
	}
}

func TestOnlyAnAcceptedImageInARegistryIsAnArtifact(t *testing.T) {
	for image, want := range map[string]string{
		"ghcr.io/o/app@" + digest:        "oci://ghcr.io/o/app@" + digest + "\n",
		"127.0.0.1:5000/o/app@" + digest: "oci://127.0.0.1:5000/o/app@" + digest + "\n",
		"docker:o/app@" + digest:         "",
		"oci-layout:a/b@" + digest:       "",
		"dir:a/b":                        "",
		"":                               "",
	} {
		j, r := newJob(t), accepted()
		r.Outputs[2].Value = image
		if err := j.host().Publish(r); err != nil || j.read("GITHUB_ARTIFACTS") != want {
			t.Errorf("%s: %v %q", image, err, j.read("GITHUB_ARTIFACTS"))
		}
	}
	j, r := newJob(t), accepted()
	r.Err = outcome.New(outcome.Vulnerable, "no")
	if err := j.host().Publish(r); err != nil || j.read("GITHUB_ARTIFACTS") != "" {
		t.Error("a refused image is one", err)
	}
}

func TestTheSummaryKeepsBelowTheLimit(t *testing.T) {
	row := "| ü | <details><summary>x</summary></details> |\n"
	for there, least := range map[int]int{0: 890 << 10, 500 << 10: 500 << 10, 1<<20 - 100: 0, 2 << 20: 0} {
		j, r := newJob(t), accepted()
		j.write("GITHUB_STEP_SUMMARY", strings.Repeat("x", max(0, there-1))+"\n")
		r.Summary = "<table>\n<details>" + strings.Repeat(row, 60000)
		r.Outputs = append(r.Outputs, step.Value{Name: "scan", Value: "stepseal-out/scan.json"})
		if err := j.host().Publish(r); err != nil {
			t.Fatal(err)
		}
		text := j.read("GITHUB_STEP_SUMMARY")
		ours := text[max(there, 1):]
		switch {
		case there < 1<<20 && len(text) >= 1<<20:
			t.Errorf("%d: %d bytes", there, len(text))
		case len(ours) < least:
			t.Errorf("%d: only %d bytes", there, len(ours))
		case least == 0 && ours != "":
			t.Errorf("%d: %q was added", there, ours)
		case least > 0 && (!strings.Contains(ours, "stepseal-out/scan.json") || strings.Count(ours, "<details>") != strings.Count(ours, "</details>") || strings.Count(ours, "<table>") != strings.Count(ours, "</table>")):
			t.Errorf("%d: ends with %q", there, ours[len(ours)-200:])
		}
	}
}

func TestMasksComeFirstAndHideEveryLine(t *testing.T) {
	j := newJob(t)
	h := j.host()
	h.Mask("s3cret%\nline")
	h.Mask("  \n")
	h.Note("hello")
	if got := j.log.String(); got != "::add-mask::s3cret%25%0Aline\nhello\n" {
		t.Errorf("got %q", got)
	}
}

func TestGroupsEndBeforeTheNextAndBeforeTheEnding(t *testing.T) {
	j := newJob(t)
	h := j.host()
	h.Group("one\n::error::x")
	h.Note("a")
	h.Group("two")
	r := accepted()
	r.Err = outcome.New(outcome.Vulnerable, "it is vulnerable")
	_ = h.Publish(r)
	want := "::group::one\\u000a::error::x\na\n::endgroup::\n::group::two\n::endgroup::\nscan-gate: refused: it is vulnerable"
	if !strings.HasPrefix(j.log.String(), want) {
		t.Errorf("got %q", j.log.String())
	}
}

func TestTenAnnotationsOfAKindTheEndingFirst(t *testing.T) {
	j := newJob(t)
	h := j.host()
	for i := range 30 {
		h.Warn("remembered %d", i)
	}
	r := accepted()
	r.Err = outcome.New(outcome.Vulnerable, "it is vulnerable").Hint("upgrade")
	for i := range 30 {
		r.Annotations = append(r.Annotations, step.Annotation{Level: step.Failure, Title: fmt.Sprint("finding ", i)})
	}
	r.Annotations = append(r.Annotations, step.Annotation{Level: step.Warning, Message: "of the step"}, step.Annotation{Message: "note"})
	_ = h.Publish(r)
	errors, warnings, notices := j.commands("error"), j.commands("warning"), j.commands("notice")
	if len(errors) != 10 || len(warnings) != 10 || len(notices) != 1 {
		t.Fatalf("%d errors, %d warnings, %d notices", len(errors), len(warnings), len(notices))
	}
	if errors[0] != "::error title=stepseal scan-gate%3A refused::it is vulnerable [vulnerable]%0Aupgrade" || !strings.Contains(errors[1], "finding 0") {
		t.Errorf("got %q", errors[:2])
	}
	if warnings[0] != "::warning::of the step" || !strings.HasSuffix(warnings[1], "remembered 0") {
		t.Errorf("got %q", warnings[:2])
	}
}

func TestAnAnnotationCannotBecomeMoreThanOne(t *testing.T) {
	j := newJob(t)
	r := accepted()
	r.Annotations = []step.Annotation{{Level: step.Failure, Title: "a,file=x::b\n::error::c", Message: "d%0A\r\n::error::e\u202e" + strings.Repeat("😀", 4000), File: "go.mod", Line: 7},
		{Message: "x", File: "../../etc/passwd", Line: 3}, {Message: "y", File: "a\nb"}}
	j.env["GITHUB_WORKSPACE"], _ = os.Getwd()
	_ = j.host().Publish(r)
	got := j.commands("error")
	if len(got) != 1 || !strings.HasPrefix(got[0], `::error file=go.mod,line=7,title=a%2Cfile=x%3A%3Ab\u000a%3A%3Aerror%3A%3Ac::d%250A\u000d%0A::error::e\u202e`) {
		t.Fatalf("got %.300q", got)
	}
	_, message, _ := strings.Cut(got[0], `%3Ac::`)
	message = strings.NewReplacer("%0A", "\n", "%0D", "\r", "%25", "%").Replace(message)
	if n := len(utf16.Encode([]rune(message))); n > 4096 || n < 4090 {
		t.Errorf("the message has %d units", n)
	}
	if notices := j.commands("notice"); len(notices) != 2 || notices[0] != "::notice::x" || notices[1] != "::notice::y" {
		t.Errorf("got %q", notices)
	}
}

func TestFilesAreNamedAsTheRepositoryHasThem(t *testing.T) {
	j := newJob(t)
	at, _ := os.Getwd()
	j.env["GITHUB_WORKSPACE"] = filepath.Dir(at)
	r := accepted()
	r.Annotations = []step.Annotation{{Message: "x", File: "Dockerfile"}}
	_ = j.host().Publish(r)
	if got := j.commands("notice"); len(got) != 1 || got[0] != "::notice file=actions/Dockerfile::x" {
		t.Errorf("got %q", got)
	}
}

func TestAdviceNamesTheMissingPermission(t *testing.T) {
	for _, c := range []struct {
		step   string
		reason outcome.Reason
		image  string
		want   string
	}{
		{"secure-image", outcome.NoWritePermission, "ghcr.io/o/app", "packages: write"},
		{"sign-attest", outcome.RegistryForbidden, "ghcr.io/o/app", "packages: write"},
		{"scan-gate", outcome.RegistryUnauthorized, "ghcr.io/o/app", "packages: read"},
		{"scan-gate", outcome.RegistryUnauthorized, "registry.example.com/ghcr.io", ""},
		{"scan-gate", outcome.Vulnerable, "ghcr.io/o/app", ""},
	} {
		j := newJob(t)
		j.env["STEPSEAL_IMAGE"] = c.image
		r := step.Result{Step: c.step, Err: outcome.New(c.reason, "it is not allowed")}
		j.host().Advise(r)
		hints := strings.Join(r.Err.Hints, "\n")
		if c.want == "" && hints != "" || !strings.Contains(hints, c.want) {
			t.Errorf("%s %s: %q", c.step, c.reason, hints)
		}
	}
}
