package credentials

import (
	"unicode"
	"unicode/utf8"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Schema is what the JSON form of an Explanation calls itself.
const Schema = "stepseal.registry-explain/v1"

// Explanation says where a login was looked for, in that order, and which was found. It holds no secret, and of a user
// name the first character.
type Explanation struct {
	Schema     string   `json:"schema"`
	Repository string   `json:"repository"`
	Login      *Found   `json:"login"` // nil: the registry is asked without one
	Sources    []Source `json:"sources"`
}

// Found is the login that is used.
type Found struct {
	Source string `json:"source"`
	Path   string `json:"path,omitempty"`
	Entry  string `json:"entry"`
	Kind   Kind   `json:"kind"`
	Helper string `json:"helper,omitempty"`
	Form   Form   `json:"form,omitempty"` // empty where a helper has it and was not asked
	User   string `json:"user,omitempty"` // the first character of the name
}

// Source is one place, and what was found there.
type Source struct {
	Name    string  `json:"name"`
	Path    string  `json:"path,omitempty"`
	State   State   `json:"state"`
	Why     string  `json:"why,omitempty"`
	Listed  int     `json:"listed,omitempty"`  // entries in all
	Strange int     `json:"strange,omitempty"` // keys that can name no registry
	Entries []Entry `json:"entries,omitempty"` // those for the registry in question
}

// Entry is one entry for the registry in question, in the order in which they count.
type Entry struct {
	Place  string `json:"place"`
	Kind   Kind   `json:"kind"`
	Helper string `json:"helper,omitempty"`
	Result Result `json:"result,omitempty"`
	Why    string `json:"why,omitempty"`
}

// State is what became of a source.
type State string

// The states.
const (
	NotSet      State = "not-set"
	Set         State = "set" // a login that was handed in
	Missing     State = "missing"
	OtherHost   State = "other-host"
	Read        State = "read"
	Unreadable  State = "unreadable"
	NotLookedAt State = "not-looked-at"
)

// Kind is how an entry gives its login, by its key in the file.
type Kind string

// The kinds.
const (
	Given  Kind = "given" // handed in, not from a file
	Auths  Kind = "auths"
	Helper Kind = "credHelpers"
	Store  Kind = "credsStore"
)

// Result is what became of an entry.
type Result string

// The results.
const (
	Used      Result = "used"
	NoLogin   Result = "no-login"
	Unusable  Result = "unusable"
	NotNeeded Result = "not-needed"
	NotAsked  Result = "not-asked"
	Elsewhere Result = "elsewhere"
)

// Form is what a login consists of.
type Form string

// The forms.
const (
	Password      Form = "password"
	IdentityToken Form = "identity token"
	RegistryToken Form = "registry token"
)

// formOf is what go-containerregistry will send: the registry token first.
func formOf(login *authn.AuthConfig) Form {
	switch {
	case login.RegistryToken != "":
		return RegistryToken
	case login.IdentityToken != "":
		return IdentityToken
	}
	return Password
}

// initial is the first character of a name, if it is one that can be shown. Where there is a single one, it is all.
func initial(name string) string {
	first, n := utf8.DecodeRuneInString(name)
	if first == utf8.RuneError || !unicode.IsPrint(first) || n == len(name) {
		return ""
	}
	return name[:n]
}
