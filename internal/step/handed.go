package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// maxOutputsBytes is GitHub's limit on the outputs of a job.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idoutputs
const maxOutputsBytes = 1 << 20

// HandedOn are the outputs of an earlier step that the next one takes as its inputs. Others, such as the paths of
// documents, are reached through the evidence, which has the digests to check them by.
var HandedOn = []string{"image", "evidence", "evidence-digest"}

// takeOutputs reads the outputs of an earlier step, as --outputs-of gives them.
func (s sources) takeOutputs(spec *Spec) (map[string]string, error) {
	for _, in := range spec.Inputs {
		d := in.Declaration()
		if d.Name != "outputs-of" {
			continue
		}
		text, _, _ := s.lookup(d)
		if text == "" {
			return nil, nil
		}
		return parseOutputs([]byte(text))
	}
	return nil, nil
}

// parseOutputs reads an object of texts, such as GitHub's toJSON(needs.build.outputs).
func parseOutputs(raw []byte) (map[string]string, error) {
	if err := strictjson.Check(raw, strictjson.Bounds{Bytes: maxOutputsBytes, Depth: 4}); err != nil {
		return nil, err
	}
	var outputs map[string]string
	if err := json.Unmarshal(raw, &outputs); err != nil {
		return nil, errors.New("is no JSON object whose values are texts, as toJSON(needs.JOB.outputs) gives it")
	}
	if reference := outputs["evidence-reference"]; reference != "" && !exists(outputs["evidence"]) {
		outputs["evidence"] = reference
	}
	handed := map[string]string{}
	for name, value := range outputs {
		if slices.Contains(HandedOn, name) && value != "" {
			handed[name] = value
		}
	}
	if len(handed) == 0 {
		return nil, fmt.Errorf("holds none of %v: the step before did not come that far, or its job does not declare them as outputs", HandedOn)
	}
	return handed, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}
