package trust

import (
	"fmt"
	"regexp"
	"strings"
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

// ParsePattern reads an expression for a claim, which the whole text must fit.
func ParsePattern(of Claim, text string) (Pattern, error) {
	if !strings.HasPrefix(text, "^") || !strings.HasSuffix(text, "$") {
		return Pattern{}, fmt.Errorf("%s: %.80q does not begin with ^ and end with $", of, text)
	}
	expr, err := regexp.Compile(text)
	return Pattern{expr: expr}, err
}
