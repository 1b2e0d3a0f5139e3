// Package trust is the trust section of the config file: whom a team trusts, for what, and how much of it is enough.
//
// Signing, verifying and the rendered admission policies read this and nothing else. It is strict: an unknown key, a
// pattern that anybody could fit, or a signer without an identity is a mistake with its line and column. It reads no file
// that the section names and contacts nobody.
package trust

import (
	"fmt"
	"path"
	"slices"
	"time"
)

// Section is the trust section. Lists are in the order of the file, and names are unique in their list. The zero value
// trusts nobody and demands nothing.
type Section struct {
	Authorities []Authority
	Signers     []Signer
	Evidence    []Demand // at most one of a kind, in the order of Kinds
	SignWith    string   // the authority that sign-attest asks; empty where the section does not say
	Format      string   // bundle, legacy or both; empty where the section does not say
}

// Authority is what vouches for signers. It has exactly one source; paths are as they stand in the file, relative to its
// folder.
type Authority struct {
	Name   string
	Source Source
	Value  string // of the source: a path, a key reference; empty for the public Sigstore

	TUFRoot string // of TUFMirror: path of the root.json by which all that the mirror says is checked

	// Of a Sigstore alone.
	SigningConfig string // path of signing_config.json, for who signs with it
	WithoutCTLog  bool   // certificates need not be in a certificate transparency log
	WithoutLog    bool   // signatures need not be in a transparency log; a timestamp says when they were made

	TimestampAuthority string // of Certificates: path of the chain in PEM, leaf first, whose timestamps are taken
	PublicKey          string // of KMS: path of the key's public half in PEM, so that who verifies needs no key service
}

// Source is what an authority's word rests on. The text is the key in the file.
type Source string

// The sources.
const (
	PublicSigstore Source = "public-sigstore" // the public instance, whose root is fetched by TUF
	TUFMirror      Source = "tuf-mirror"      // somebody's own Sigstore, whose root is fetched by TUF from this URL
	TrustedRoot    Source = "trusted-root"    // somebody's own Sigstore: path of trusted_root.json
	PublicKey      Source = "public-key"      // path of a public key in PEM
	KMS            Source = "kms"             // awskms://, azurekms://, gcpkms:// or hashivault://
	Certificates   Source = "certificates"    // path of a CA's chain in PEM, intermediates first and the root last
)

// Fetched says whether the authority's root comes by TUF, with a signing config beside it.
func (s Source) Fetched() bool { return s == PublicSigstore || s == TUFMirror }

// Keyless says whether the authority certifies identities, so that its signers have one.
func (s Source) Keyless() bool { return s != PublicKey && s != KMS }

// Signer is somebody that an authority vouches for. With a keyless authority it is an identity, otherwise whoever has the
// key. Every pattern that is given must fit; the zero Pattern is not given.
type Signer struct {
	Name      string
	Authority string
	MaySign   []Kind // in the order of Kinds; empty: everything

	Issuer  Pattern // of the identity token; need not be given for a signer of Certificates
	Subject Pattern // the certificate's subject alternative name; on GitHub the workflow that runs, a reusable one too

	// What Fulcio puts into certificates beside it.
	// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oid-info.md
	CallerWorkflow   Pattern // Build Config URI: the workflow that was started, and may have called a reusable one
	SourceRepository Pattern // Source Repository URI
	SourceRef        Pattern // Source Repository Ref
}

// Kind is a kind of evidence. The text is the word in the file.
type Kind string

// The kinds.
const (
	Signature           Kind = "signature"
	SBOM                Kind = "sbom"
	Scan                Kind = "scan"
	Provenance          Kind = "provenance"
	VEX                 Kind = "vex"
	VerificationSummary Kind = "verification-summary"
)

// Kinds are all kinds, in the order in which they are told.
var Kinds = []Kind{Signature, SBOM, Scan, Provenance, VEX, VerificationSummary}

// Demand is what must be there of one kind of evidence.
type Demand struct {
	Kind      Kind
	Signers   []string      // whose word counts; empty: every signer that may sign the kind
	Threshold int           // of how many signers, each counted once; at least 1
	MaxAge    time.Duration // of a scan or a verification summary; zero: any
	Policies  []string      // of the same two: digests of accepted policies (sha256:<hex>); empty: any
	Binding   bool          // of an SBOM: it must say which image it describes
	Builders  []string      // of provenance: accepted builder ids, exactly; empty: any
	Verifiers []string      // of a verification summary: accepted verifier ids, exactly
}

// Authority is the one of that name.
func (s Section) Authority(name string) (Authority, bool) {
	for _, a := range s.Authorities {
		if a.Name == name {
			return a, true
		}
	}
	return Authority{}, false
}

// Of are the signers whose word counts for the demand.
func (s Section) Of(d Demand) []Signer {
	var list []Signer
	for _, signer := range s.Signers {
		if (len(d.Signers) == 0 || slices.Contains(d.Signers, signer.Name)) && signer.May(d.Kind) {
			list = append(list, signer)
		}
	}
	return list
}

// May says whether the signer's word counts for the kind.
func (s Signer) May(kind Kind) bool { return len(s.MaySign) == 0 || slices.Contains(s.MaySign, kind) }

// Principals is how many there are behind these signers: one key, or one identity, under two names is one. Two patterns
// that fit the same certificate, or two files with the same key, are told apart only by whoever sees the certificate or
// the key.
func (s Section) Principals(signers []Signer) int {
	seen := map[string]bool{}
	for _, signer := range signers {
		authority, _ := s.Authority(signer.Authority)
		value := authority.Value
		if authority.Source != KMS && authority.Source != TUFMirror {
			value = path.Clean(value)
		}
		who := []string{string(authority.Source), value}
		for _, p := range []Pattern{signer.Issuer, signer.Subject, signer.CallerWorkflow, signer.SourceRepository, signer.SourceRef} {
			who = append(who, p.Exact(), p.Expression())
		}
		seen[fmt.Sprintf("%q", who)] = true
	}
	return len(seen)
}
