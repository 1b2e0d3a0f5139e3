package tekton

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// Publish writes every result, the verdict last, and then says how it ended. Where one cannot be written a yes becomes
// undecided, in the results too.
func (h *Host) Publish(result step.Result) error {
	failed := h.write(result)
	if failed != nil && result.Err == nil {
		result.Err = outcome.New(outcome.OutputUnwritable, "the results").Because(failed)
		result.Ending = result.Err.Ending()
	}
	return errors.Join(failed, h.Host.Publish(result))
}

func (h *Host) write(result step.Result) error {
	marker := h.getenv(Results)
	if marker == "" || isTool(result) {
		return nil
	}
	entries := entriesOf(result)
	fit(entries, h.limit)
	h.tell(entries)
	files, folder := &step.Files{}, filepath.Dir(marker)
	var failed error
	for _, e := range slices.Backward(entries) {
		if e.left {
			continue
		}
		value := e.written()
		if failed != nil && result.Err == nil {
			value = worsened(e.name, value)
		}
		failed = errors.Join(failed, files.Write(filepath.Join(folder, e.name), []byte(value)))
	}
	return failed
}

// worsened says of a yes that not all of it could be written.
func worsened(name, value string) string {
	switch name {
	case "verdict":
		return outcome.OutputUnwritable.Ending().String()
	case "reason":
		return string(outcome.OutputUnwritable)
	}
	return value
}

// isTool tells a command without outputs of its own, which must not take the place of a step's results.
func isTool(result step.Result) bool {
	return len(result.Outputs) > 0 && !slices.ContainsFunc(result.Outputs, func(v step.Value) bool { return v.Name != "verdict" && v.Name != "reason" })
}

// entriesOf are all results. A command line that names no step leaves how it ended.
func entriesOf(result step.Result) []entry {
	values := result.Outputs
	if len(values) == 0 {
		values = []step.Value{{Name: "verdict", Value: result.Ending.String()}, {Name: "reason"}}
		if result.Err != nil {
			values[1].Value = string(result.Err.Reason)
		}
	}
	var entries []entry
	var names []string
	for _, v := range values {
		names = append(names, v.Name)
		entries = append(entries, entry{name: v.Name, value: v.Value, rank: rank(v.Name)})
	}
	for _, o := range Objects(names) {
		entries = append(entries, entry{name: o.Name, value: o.value(result), empty: encodeObject("", ""), rank: rank(o.Name)})
	}
	return entries
}

// tell says what did not fit, and where it is to be found.
func (h *Host) tell(entries []entry) {
	var dropped, left []string
	for _, e := range entries {
		switch {
		case e.left:
			left = append(left, e.name)
		case e.dropped:
			dropped = append(dropped, e.name)
		}
	}
	if len(dropped) > 0 {
		h.Warn("the results do not fit into the %d bytes that Tekton takes of a step: these are written empty: %s; evidence.json names what they are about", h.limit, strings.Join(dropped, ", "))
	}
	if len(left) > 0 {
		h.Warn("not even the names of all results fit: these are missing: %s", strings.Join(left, ", "))
	}
	if note := fmt.Sprintf("results take %d of %d bytes", total(entries), h.limit); len(dropped)+len(left) > 0 {
		h.Note("%s", note)
	}
}
