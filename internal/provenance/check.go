package provenance

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds one value, and maxDetails how many there are: what a job says is its own to choose.
const (
	maxText    = 4096
	maxDetails = 32
)

// check refuses what would make the predicate say something else than its build type means.
func (b Build) check() error {
	if len(b.Details) > maxDetails {
		return fmt.Errorf("more than %d details", maxDetails)
	}
	texts := []Detail{{"builder", b.Builder}, {"invocation", b.Invocation}, {"repository", b.Repository}, {"ref", b.Ref}, {"commit", b.Commit},
		{"definition", b.Definition}, {"event", b.Event}, {"system", b.System}, {"version", b.Version}}
	for _, d := range append(texts, b.Details...) {
		if err := checkText(d); err != nil {
			return err
		}
	}
	if err := CheckURI(b.Builder); err != nil {
		return fmt.Errorf("builder: %w", err)
	}
	if b.Invocation != "" && CheckURI(b.Invocation) != nil {
		return fmt.Errorf("invocation: %w", CheckURI(b.Invocation))
	}
	if b.Repository != "" {
		if _, err := ParseRepository(b.Repository); err != nil {
			return fmt.Errorf("repository: %w", err)
		}
	}
	if b.Commit != "" && !IsCommit(b.Commit) {
		return fmt.Errorf("commit: %.80q is not the full name of a git commit", b.Commit)
	}
	return nil
}

func checkText(d Detail) error {
	switch {
	case len(d.Value) > maxText:
		return fmt.Errorf("%s: longer than %d bytes", d.Name, maxText)
	case !utf8.ValidString(d.Value) || strings.ContainsFunc(d.Value, unicode.IsControl):
		return fmt.Errorf("%s: %.80q holds a control character", d.Name, d.Value)
	}
	return nil
}

// CheckURI reports what is wrong with an identifier that must be an absolute URI without a login in it.
func CheckURI(text string) error {
	at, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("there is none")
	case err != nil || at.Scheme == "" || at.Host == "" && at.Opaque == "":
		return fmt.Errorf("%.120q is not a URI", text)
	case at.User != nil:
		return errors.New("the URI holds a login, which everybody could read")
	}
	return nil
}

// ParseRepository reads the address of a source repository, with or without .git behind it.
func ParseRepository(text string) (string, error) {
	at, err := url.Parse(text)
	switch {
	case err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "":
		return "", errors.New("not an address such as https://github.com/org/app")
	case at.User != nil:
		return "", errors.New("the address holds a login, which everybody could read")
	case at.RawQuery != "" || at.Fragment != "":
		return "", errors.New("the address holds more than a repository")
	}
	return strings.TrimSuffix(strings.TrimSuffix(text, "/"), ".git"), nil
}

// IsCommit tells the full name of a git commit, of SHA-1 or SHA-256.
func IsCommit(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && (len(text) == 40 || len(text) == 64) && text == strings.ToLower(text)
}
