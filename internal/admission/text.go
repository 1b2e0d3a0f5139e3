package admission

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxText = 4096

// plain refuses text that a person reading the policy would not see as it is: control and format characters, among them
// line ends and those that change the direction of writing.
func plain(text string) error {
	switch {
	case len(text) > maxText:
		return fmt.Errorf("%.60q... is longer than %d bytes", text, maxText)
	case !utf8.ValidString(text):
		return fmt.Errorf("%.60q is not UTF-8", text)
	case strings.ContainsFunc(text, invisible):
		return fmt.Errorf("%.60q holds characters that cannot be seen", text)
	}
	return nil
}

func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// celText is a string of the Common Expression Language. What plain takes needs no other escapes.
// https://github.com/google/cel-spec/blob/v0.24.0/doc/langdef.md#string-and-bytes-values
func celText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func celTexts(texts []string) string {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = celText(t)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// regoText is a string of Rego, which is JSON's.
// https://www.openpolicyagent.org/docs/policy-language#strings
func regoText(text string) string { return celText(text) }
