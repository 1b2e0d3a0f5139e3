package trust

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/strictyaml"
)

// sources are all of them, in the order in which they are told.
var sources = []Source{PublicSigstore, TUFMirror, TrustedRoot, PublicKey, KMS, Certificates}

// beside are the keys that may stand beside a source. What an authority has no use for would be read, and do nothing.
// The public Sigstore always has its logs.
var beside = map[Source][]string{
	PublicSigstore: {"signing-config"},
	TUFMirror:      {"tuf-root", "signing-config", "transparency-log", "certificate-transparency"},
	KMS:            {"public-key"},
	TrustedRoot:    {"signing-config", "transparency-log", "certificate-transparency"},
	Certificates:   {"timestamp-authority"},
}

func (r *reader) readAuthorities(node *yaml.Node) {
	r.entries(node, "authorities", maxAuthorities, func(key, value *yaml.Node) {
		r.authorities = append(r.authorities, key.Value)
		before := r.Found()
		a := r.authority(key.Value, value)
		if r.Found() == before {
			r.section.Authorities = append(r.section.Authorities, a)
		}
	})
}

func (r *reader) authority(name string, node *yaml.Node) Authority {
	a := Authority{Name: name}
	var public, log, ctLog = true, true, true
	var publicKey string
	var given []Source
	places := map[string]*yaml.Node{}
	fields := strictyaml.Fields{
		string(PublicSigstore):     truth(&public),
		string(TrustedRoot):        word(&a.Value, file),
		string(TUFMirror):          word(&a.Value, mirror),
		string(PublicKey):          word(&publicKey, file),
		string(KMS):                word(&a.Value, keyReference),
		string(Certificates):       word(&a.Value, file),
		"tuf-root":                 word(&a.TUFRoot, file),
		"signing-config":           word(&a.SigningConfig, file),
		"transparency-log":         truth(&log),
		"certificate-transparency": truth(&ctLog),
		"timestamp-authority":      word(&a.TimestampAuthority, file),
	}
	for key, field := range fields {
		fields[key] = func(own *strictyaml.Reader, key string, value *yaml.Node) {
			places[key] = value
			if slices.Contains(sources, Source(key)) {
				given = append(given, Source(key))
			}
			field(own, key, value)
		}
	}
	what := "authority " + name
	before := r.Found()
	r.Fields(node, what, fields)
	if r.Found() > before {
		return a
	}
	given = withoutHalf(given)
	if len(given) != 1 {
		r.Wrong(node, "%s rests on exactly one of %s; it has %s", what, listed(sources), counted(given))
		return a
	}
	a.Source = given[0]
	if !public {
		r.Wrong(places[string(PublicSigstore)], "%s: public-sigstore is true, or does not stand there", what)
	}
	if a.Source == TUFMirror && a.TUFRoot == "" {
		r.Wrong(node, "%s has no tuf-root; it is the root.json by which all that the mirror says is checked", what)
	}
	if a.Source == PublicKey {
		a.Value = publicKey
	} else {
		a.PublicKey = publicKey
	}
	for _, key := range []string{"tuf-root", "signing-config", "transparency-log", "certificate-transparency", "timestamp-authority"} {
		if at := places[key]; at != nil && !slices.Contains(beside[a.Source], key) {
			r.Wrong(at, "%s: %s says nothing beside %s%s", what, key, a.Source, instead(a.Source))
		}
	}
	a.WithoutLog, a.WithoutCTLog = !log, !ctLog
	return a
}

// withoutHalf takes public-key beside kms for what it is there: the public half of the same key.
func withoutHalf(given []Source) []Source {
	if len(given) == 2 && slices.Contains(given, KMS) && slices.Contains(given, PublicKey) {
		return []Source{KMS}
	}
	return given
}

func counted(given []Source) string {
	if len(given) == 0 {
		return "none"
	}
	return listed(given)
}

func instead(of Source) string {
	if len(beside[of]) == 0 {
		return ", which stands alone"
	}
	return ", which takes " + strings.Join(beside[of], ", ")
}
