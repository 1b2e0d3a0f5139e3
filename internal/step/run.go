package step

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Run is one execution of a step: its bound inputs, and where it puts what it finds.
type Run struct {
	Reporter
	Stdout  io.Writer
	Getenv  func(string) string
	Now     func() time.Time
	Scratch string
	Version string
	// Revision is as World has it.
	Revision string
	Memory   int64 // that this process may use, in bytes; 0 where nobody knows
	Change   Change
	Build    Build
	// Workspace is the working directory, to look for files that findings can point at.
	Workspace fs.FS
	// Anonymous says that nobody's logins are looked for.
	Anonymous bool

	spec   *Spec
	values map[string]any
	given  map[string]bool // inputs that somebody set, in whatever way
	// origins say where each value comes from.
	origins map[string]string
	texts   map[string]string
	known   []Declaration // of all steps: one config file serves them
	files   *Files

	config configFile

	mu          sync.Mutex
	outputs     map[string]string
	notice      string
	summary     strings.Builder
	annotations []Annotation
}

// Step is the name of the step that runs.
func (r *Run) Step() string { return r.spec.Name }

// Given reports whether the input was set by anybody, even to its default.
func (r *Run) Given(in Input) bool { return r.given[in.Declaration().Name] }

// Origin says where the input's value comes from: its flag, its variable, the name of the config file, or "default".
func (r *Run) Origin(in Input) string { return r.origins[in.Declaration().Name] }

// Text is the input's value as it was given or is by default; empty where there is none, and of a secret.
func (r *Run) Text(in Input) string { return r.texts[in.Declaration().Name] }

// BesideConfig is a path that stands in the config file: it is relative to the file's folder.
func (r *Run) BesideConfig(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.config.name), path)
}

// ConfigDigest is the digest (sha256:<hex>) of the config file that was read; empty where there was none.
func (r *Run) ConfigDigest() string {
	if r.config.raw == nil {
		return ""
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(r.config.raw))
}

// ConfigBase is the name of the config file without its folder.
func (r *Run) ConfigBase() string { return filepath.Base(r.config.name) }

// ConfigName is the config file that was read; empty where there was none.
func (r *Run) ConfigName() string {
	if r.config.raw == nil {
		return ""
	}
	return r.config.name
}

// Set sets an output. Setting one that was not declared is a bug.
func (r *Run) Set(name, value string) {
	for _, out := range r.spec.Outputs {
		if out.Name == name {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.outputs[name] = value
			return
		}
	}
	panic(fmt.Sprintf("step %s has no output %s", r.spec.Name, name))
}

// Summarize adds Markdown to the summary. Untrusted text in it must have gone through report's escaping.
func (r *Run) Summarize(markdown string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.WriteString(markdown)
}

// Annotate adds an annotation. Hosts show few of them, so the worst come first; of those that are as bad, the earlier.
func (r *Run) Annotate(a Annotation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.annotations) < maxAnnotations {
		r.annotations = append(r.annotations, a)
	}
}

// maxAnnotations is more than any host shows.
const maxAnnotations = 200

// Group begins a new part of the log, where the host's log has parts.
func (r *Run) Group(title string) {
	if host, ok := r.Reporter.(Grouper); ok {
		host.Group(title)
	}
}

// WriteFile writes a file whole or not at all, and not after the run has ended.
func (r *Run) WriteFile(path string, content []byte) error { return r.files.Write(path, content) }

// WritePrivate is WriteFile for what only its owner may read.
func (r *Run) WritePrivate(path string, content []byte) error {
	return r.files.write(path, content, 0o600)
}

// Epoch is SOURCE_DATE_EPOCH, zero where it is not set.
// https://reproducible-builds.org/specs/source-date-epoch/
func (r *Run) Epoch() (time.Time, error) {
	text := r.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, nil
	}
	var seconds int64
	if _, err := fmt.Sscanf(text, "%d", &seconds); err != nil || fmt.Sprint(seconds) != text || seconds < 0 || seconds > 253402300799 {
		return time.Time{}, outcome.New(outcome.InvalidInput, "SOURCE_DATE_EPOCH is %q, not a number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func (r *Run) result(err error) Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	ending := outcome.Of(err)
	res := Result{Step: r.spec.Name, Ending: outcome.Verdict(err), Err: ending, Notice: r.notice, Summary: r.summary.String(),
		Annotations: slices.Clone(r.annotations)}
	slices.SortStableFunc(res.Annotations, func(a, b Annotation) int { return cmp.Compare(b.Level, a.Level) })
	for _, out := range r.spec.AllOutputs() {
		value := r.outputs[out.Name]
		switch {
		case out.Name == "verdict":
			value = res.Ending.String()
		case out.Name == "reason" && ending != nil:
			value = string(ending.Reason)
		}
		res.Outputs = append(res.Outputs, Value{out.Name, value})
	}
	return res
}
