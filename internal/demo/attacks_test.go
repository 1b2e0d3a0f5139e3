package demo

import (
	"strings"
	"testing"
)

func TestLinesAreFoldedBetweenWords(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		want string
	}{
		"a line that fits stays":             {"  one two", "  one two"},
		"what is too much goes below":        {"  one two three", "  one two\n    three"},
		"a word that is too long stays":      {"  https://example.com/ is it", "  https://example.com/\n    is it"},
		"a long word begins a line":          {"  it is https://example.com/", "  it is\n    https://example.com/"},
		"spaces inside are kept":             {"one  two", "one  two"},
		"nothing is nothing":                 {"", ""},
		"an indentation alone is kept as is": {"   ", "   "},
	} {
		t.Run(name, func(t *testing.T) {
			if got := folded(c.line, 10); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDigestsAreShortenedAndBundlesNotNamed(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	for line, want := range map[string]string{
		`  bundle sha256:` + digest + `, "https://sigstore.dev/cosign/sign/v1": is about "sha256:` + digest + `"`: `  is about "sha256:0123456789ab"`,
		"hash " + digest + " does not match": "hash 0123456789ab does not match",
		"hash " + digest + "00":              "hash " + digest + "00",
	} {
		if got := shortened(line); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
