package step

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// GitLab's limits on a dotenv report.
// https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
const (
	maxVariables   = 20
	maxDotenvBytes = 5 << 10
)

// encodeOutputs writes JSON if the file's name ends in .json, else dotenv.
func encodeOutputs(file string, outputs []Value) []byte {
	if strings.HasSuffix(file, ".json") {
		return encodeJSON(outputs)
	}
	return encodeDotenv(outputs)
}

func encodeJSON(outputs []Value) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, out := range outputs {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(out.Name)
		value, _ := json.Marshal(out.Value)
		fmt.Fprintf(&b, "\n  %s: %s", name, value)
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

// encodeDotenv writes one unquoted line each, as many as GitLab takes, those with a value first.
func encodeDotenv(outputs []Value) []byte {
	var b bytes.Buffer
	lines := 0
	for _, empty := range []bool{false, true} {
		for _, out := range outputs {
			if (out.Value == "") != empty {
				continue
			}
			line := Variable(out.Name) + "=" + oneLine(out.Value) + "\n"
			if lines == maxVariables || b.Len()+len(line) > maxDotenvBytes {
				continue
			}
			b.WriteString(line)
			lines++
		}
	}
	return b.Bytes()
}

// oneLine keeps a value from becoming a second variable.
func oneLine(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, value)
}
