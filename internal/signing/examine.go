package signing

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	cosign "github.com/sigstore/cosign/v2/pkg/types"

	"github.com/stepseal/stepseal/internal/evidence"
)

// finding is a document with what it says and who signed it.
type finding struct {
	document
	signer    PublicKey          // zero: nobody that is trusted
	statement evidence.Statement // where nobody trusted signed it, only what it claims
	sum       [sha256.Size]byte  // of what was signed
	err       error              // why it does not count
}

// kind is the predicate type, signed or claimed.
func (f finding) kind() string {
	if f.statement.PredicateType == "" {
		return f.claim
	}
	return f.statement.PredicateType
}

// first is the digest that a verified statement is about: its first subject.
func (f finding) first() string { return "sha256:" + f.statement.Subject[0].Digest["sha256"] }

// isSignature: a signature is a bundle of the one predicate type for it, or cosign's payload under the .sig tag. Nothing
// else is, whoever signed it.
func (f finding) isSignature() bool {
	return f.kind() == evidence.SignaturePredicate && (f.store == Bundle || f.mediaType == cosign.SimpleSigningMediaType)
}

// examiner verifies documents under one Trust. It parses what is stored in two forms once.
type examiner struct {
	keys   []trustedKey
	parsed map[[sha256.Size]byte]reading
}

type reading struct {
	statement evidence.Statement
	err       error
}

func newExaminer(trust Trust) (*examiner, error) {
	if err := trust.check(); err != nil {
		return nil, err
	}
	e := &examiner{parsed: map[[sha256.Size]byte]reading{}}
	for _, key := range trust.Keys {
		trusted, err := newTrustedKey(key)
		if err != nil {
			return nil, err
		}
		e.keys = append(e.keys, trusted)
	}
	return e, nil
}

func (e *examiner) examine(all []document) []finding {
	found := make([]finding, len(all))
	for i, d := range all {
		switch {
		case d.store == Bundle:
			found[i] = e.bundle(d)
		case d.mediaType == cosign.SimpleSigningMediaType:
			found[i] = e.simpleSigning(d)
		default:
			found[i] = e.envelope(d)
		}
	}
	return found
}

func (e *examiner) bundle(d document) finding {
	b, err := openBundle(d.content)
	if err != nil {
		return finding{document: d, err: err}
	}
	return e.statement(d, b.GetDsseEnvelope().GetPayload(), func(k trustedKey) error { return k.verifyBundle(b) })
}

func (e *examiner) envelope(d document) finding {
	envelope, err := evidence.ParseEnvelope(d.content)
	if err != nil {
		return finding{document: d, err: err}
	}
	signed := preAuthEncoding(envelope.Payload)
	return e.statement(d, envelope.Payload, func(k trustedKey) error { return k.verify(signed, envelope.Signature) })
}

func (e *examiner) statement(d document, payload []byte, verify func(trustedKey) error) finding {
	f := e.signedBy(finding{document: d, sum: sha256.Sum256(payload)}, verify)
	f.content = nil // the same SBOM may lie in four places, and one copy of it in memory will do
	read := e.parse(f.sum, payload)
	f.statement = read.statement
	if f.err == nil {
		f.err = read.err
	}
	return f
}

// parse also serves what nobody trusted signed: the claim says which requirement it would have met.
func (e *examiner) parse(sum [sha256.Size]byte, payload []byte) reading {
	read, ok := e.parsed[sum]
	if !ok {
		read.statement, read.err = evidence.ParseStatement(payload)
		e.parsed[sum] = read
	}
	return read
}

func (e *examiner) simpleSigning(d document) finding {
	f := finding{document: d, sum: sha256.Sum256(d.content)}
	f.claim = evidence.SignaturePredicate
	sig, err := base64.StdEncoding.Strict().DecodeString(d.signature)
	if err != nil {
		f.err = fmt.Errorf("signature: %w", err)
		return f
	}
	f = e.signedBy(f, func(k trustedKey) error { return k.verify(d.content, sig) })
	statement, err := parseSimpleSigning(d.content)
	f.statement = statement
	if f.err == nil {
		f.err = err
	}
	return f
}

func (e *examiner) signedBy(f finding, verify func(trustedKey) error) finding {
	for _, key := range e.keys {
		if f.err = verify(key); f.err == nil {
			f.signer = key.PublicKey
			return f
		}
	}
	return f
}
