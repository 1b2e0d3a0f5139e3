package actions

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// writeOutputs writes all outputs in one go. go-githubactions would end a value with a constant, which a value may hold.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
func (h *Host) writeOutputs(outputs []step.Value) error {
	file := h.getenv("GITHUB_OUTPUT")
	if file == "" {
		return nil
	}
	text, err := encodeOutputs(outputs, "stepseal_"+rand.Text())
	if err != nil {
		return err
	}
	return appendTo(file, "GITHUB_OUTPUT", text)
}

func encodeOutputs(outputs []step.Value, delimiter string) (string, error) {
	var b strings.Builder
	for _, out := range outputs {
		if strings.ContainsRune(out.Value, 0) || strings.Contains(out.Value, delimiter) {
			return "", fmt.Errorf("the output %s has a value that cannot be written", out.Name)
		}
		fmt.Fprintf(&b, "%s<<%s\n%s\n%[2]s\n", out.Name, delimiter, out.Value)
	}
	return b.String(), nil
}

// published is an image in a registry by its digest, and no archive or folder.
var published = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$`)

// writeArtifact names the accepted image where the runner collects what a job has made.
// https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs
func (h *Host) writeArtifact(result step.Result) error {
	file, image := h.getenv("GITHUB_ARTIFACTS"), result.Output("image")
	if file == "" || result.Err != nil || !published.MatchString(image) {
		return nil
	}
	return appendTo(file, "GITHUB_ARTIFACTS", "oci://"+image+"\n")
}

// appendTo adds to a file that the runner has made; the name is that of the variable, for errors.
func appendTo(file, name, text string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", name, step.Bare(err))
		}
	}()
	to, err := os.OpenFile(file, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if unfinished(to) {
		text = "\n" + text
	}
	_, err = to.WriteString(text)
	return errors.Join(err, to.Close())
}

// unfinished tells whether what somebody wrote before lacks the end of its line.
func unfinished(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}
