package actions

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// The runner keeps so many annotations of a kind for a step, and so much of a message, in UTF-16 units.
// https://github.com/actions/runner/blob/main/src/Runner.Worker/ExecutionContext.cs
const (
	maxOfKind  = 10
	maxMessage = 4096
	maxTitle   = 255
)

var kinds = map[step.Level]string{step.Failure: "error", step.Warning: "warning", step.Notice: "notice"}

// annotate shows the ending first, then what the step annotated, the worst first, then what was warned about.
func (h *Host) annotate(result step.Result, warnings []string) {
	var list []step.Annotation
	if result.Err != nil {
		list = append(list, ending(result))
	}
	list = append(list, result.Annotations...)
	for _, text := range warnings {
		list = append(list, step.Annotation{Level: step.Warning, Title: "stepseal " + result.Step, Message: text})
	}
	shown := map[step.Level]int{}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range list {
		if shown[a.Level] == maxOfKind {
			continue
		}
		shown[a.Level]++
		h.commands.IssueCommand(&githubactions.Command{Name: kinds[a.Level], Message: cut(harmless(a.Message), maxMessage), Properties: h.properties(a)})
	}
}

func ending(result step.Result) step.Annotation {
	e := result.Err
	lines := []string{e.Error() + " [" + string(e.Reason) + "]"}
	if e.Reason.Ending() == outcome.Misused {
		lines = append(lines, e.Evidence...)
	}
	return step.Annotation{Level: step.Failure, Title: "stepseal " + result.Step + ": " + e.Ending().String(),
		Message: strings.Join(append(lines, e.Advice()...), "\n")}
}

func (h *Host) properties(a step.Annotation) githubactions.CommandProperties {
	properties := githubactions.CommandProperties{}
	if title := cut(plain.Harmless(a.Title), maxTitle); title != "" {
		properties["title"] = title
	}
	if file := h.inWorkspace(a.File); file != "" {
		properties["file"] = file
		if a.Line > 0 {
			properties["line"] = strconv.Itoa(a.Line)
		}
	}
	return properties
}

// inWorkspace is the file as the repository has it; empty where it is not in there.
func (h *Host) inWorkspace(file string) string {
	workspace := h.getenv("GITHUB_WORKSPACE")
	if file == "" || plain.Harmless(file) != file {
		return ""
	}
	at, err := os.Getwd()
	if workspace == "" || err != nil {
		return file
	}
	relative, err := filepath.Rel(workspace, filepath.Join(at, filepath.FromSlash(file)))
	if err != nil || !filepath.IsLocal(relative) {
		return ""
	}
	return filepath.ToSlash(relative)
}

// harmless keeps the lines of a text apart, and shows everything else as what it is.
func harmless(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = plain.Harmless(line)
	}
	return strings.Join(lines, "\n")
}

// cut shortens a text to so many UTF-16 units.
func cut(text string, most int) string {
	units := 0
	for i, r := range text {
		if r > 0xffff {
			units++
		}
		if units++; units > most {
			return cutBefore(text[:i])
		}
	}
	return text
}

// cutBefore makes room for the sign that something is missing.
func cutBefore(text string) string {
	runes := []rune(text)
	return string(runes[:max(0, len(runes)-1)]) + "…"
}
