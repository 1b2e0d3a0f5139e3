package trust

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/strictyaml"
)

// The bounds of what a section may hold.
const (
	maxAuthorities = 100
	maxSigners     = 1000
	maxList        = 100
)

// Read reads the section. With any mistake it is empty, and trusts nobody.
func Read(node *yaml.Node) (Section, []string) {
	r := &reader{places: map[string]*yaml.Node{}}
	signWith := r.top(node)
	r.checkSigners()
	r.checkEvidence()
	if signWith != nil {
		r.checkSignWith(signWith)
	}
	if r.Found() > 0 {
		return Section{}, r.Mistakes()
	}
	return r.section, nil
}

// reader reads first what stands there, and then looks at what refers to what; an entry with a mistake of its own is
// known by its name, so that one mistake is told once.
type reader struct {
	strictyaml.Reader
	section     Section
	authorities []string              // names, also of those with mistakes
	signers     []string              // the same
	places      map[string]*yaml.Node // where the parts of a checked entry stand, by kind and name
}

func (r *reader) top(node *yaml.Node) (signWith *yaml.Node) {
	there := map[string]bool{}
	part := func(read func(*yaml.Node)) strictyaml.Field {
		return func(_ *strictyaml.Reader, key string, value *yaml.Node) {
			there[key] = true
			read(value)
		}
	}
	r.Fields(node, "trust", strictyaml.Fields{
		"authorities":      part(r.readAuthorities),
		"signers":          part(r.readSigners),
		"evidence":         part(r.readEvidence),
		"signature-format": word(&r.section.Format, oneOf("bundle", "legacy", "both")),
		"sign-with": func(own *strictyaml.Reader, key string, value *yaml.Node) {
			word(&r.section.SignWith, parseName)(own, key, value)
			signWith = value
		},
	})
	for _, key := range []string{"authorities", "signers", "evidence"} {
		if node.Kind == yaml.MappingNode && !there[key] {
			r.Wrong(node, "trust has no %s; it says %s", key, purposes[key])
		}
	}
	return signWith
}

// purposes are what the parts are for that must be there.
var purposes = map[string]string{
	"authorities": "what vouches for signers",
	"signers":     "who is trusted",
	"evidence":    "what an image must carry",
}

// entries reads a mapping of names. What has a bad name, or comes too often, is not read.
func (r *reader) entries(node *yaml.Node, what string, most int, each func(key, value *yaml.Node)) {
	count := 0
	for key, value := range r.Pairs(node, what) {
		if count++; count > most {
			r.Wrong(key, "%s has more than %d entries", what, most)
			return
		}
		if r.named(key, what) {
			each(key, value)
		}
	}
	if count == 0 && node.Kind == yaml.MappingNode && len(node.Content) == 0 {
		r.Wrong(node, "%s is empty", what)
	}
}

func (r *reader) named(key *yaml.Node, what string) bool {
	_, err := parseName(key.Value)
	if err == nil && key.ShortTag() != "!!str" {
		err = fmt.Errorf("%q is not text to YAML; put it in quotes", key.Value)
	}
	if err != nil {
		r.Wrong(key, "%s: %v", what, err)
	}
	return err == nil
}

func (r *reader) checkSignWith(at *yaml.Node) {
	name := r.section.SignWith
	if name == "" {
		return
	}
	authority, ok := r.section.Authority(name)
	switch {
	case !ok && !slices.Contains(r.authorities, name):
		r.Wrong(at, "sign-with: there is no authority %s%s", name, among(r.authorities))
	case authority.Source == PublicKey || authority.Source == Certificates:
		r.Wrong(at, "sign-with: authority %s is a %s, which signs nothing; name a Sigstore or a kms, or sign with --key", name, authority.Source)
	case authority.Source == TrustedRoot && authority.SigningConfig == "":
		r.Wrong(at, "sign-with: authority %s has no signing-config, which says where its services are", name)
	}
}
