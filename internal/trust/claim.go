package trust

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Claim is something that a certificate says of its holder. The text is the key in the file.
type Claim string

// The claims.
const (
	Issuer           Claim = "issuer"
	Subject          Claim = "subject"
	CallerWorkflow   Claim = "caller-workflow"
	SourceRepository Claim = "source-repository"
	SourceRef        Claim = "source-ref"
)

// maxText bounds texts and expressions; certificates hold no longer names.
const maxText = 1024

// ParseExact reads the text that a claim must be. It refuses what is plainly meant as a pattern and would fit nothing.
func ParseExact(of Claim, text string) (Pattern, error) {
	if err := plain(text); err != nil {
		return Pattern{}, err
	}
	if strings.Contains(text, "*") || strings.HasPrefix(text, "^") || strings.HasSuffix(text, "$") {
		return Pattern{}, fmt.Errorf("%.80q is compared as it is, and * ^ $ mean themselves; an expression stands under %s-pattern", text, of)
	}
	if of == Issuer && !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
		return Pattern{}, fmt.Errorf("%.80q is no URL; tokens name their issuer as https://HOST", text)
	}
	return Exactly(text), nil
}

// plain refuses what nobody can see or tell apart in a line of text.
func plain(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty")
	case len(text) > maxText:
		return fmt.Errorf("it has %d bytes, and at most %d are read", len(text), maxText)
	case strings.TrimSpace(text) != text:
		return fmt.Errorf("%.80q begins or ends with a space", text)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return fmt.Errorf("%.80q holds characters that cannot be seen", text)
	}
	return nil
}
