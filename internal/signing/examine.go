package signing

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	cosign "github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/trust"
)

// finding is a document with what it says and who signed it.
type finding struct {
	document
	proof     proof              // zero: nobody that is trusted
	statement evidence.Statement // where nobody trusted signed it, only what it claims
	sum       [sha256.Size]byte  // of what was signed
	err       error              // why it does not count
}

// predicate is the predicate type, signed or claimed.
func (f finding) predicate() string {
	if f.statement.PredicateType == "" {
		return f.claim
	}
	return f.statement.PredicateType
}

// first is the digest that a verified statement is about: its first subject.
func (f finding) first() string {
	if len(f.statement.Subject) == 0 {
		return ""
	}
	return "sha256:" + f.statement.Subject[0].Digest["sha256"]
}

// isSignature: a signature is a bundle of the one predicate type for it, or cosign's payload under the .sig tag. Nothing
// else is, whoever signed it.
func (f finding) isSignature() bool { return f.saysThatItIsSigned() && f.liesWhereSignaturesDo() }

// by are those among the signers that may have signed it.
func (p proof) by(list []*Signer) []*Signer {
	var some []*Signer
	for _, s := range p.signers {
		if slices.Contains(list, s) {
			some = append(some, s)
		}
	}
	return some
}

// examiner verifies documents under one Trust. It parses what is stored in two forms once.
type examiner struct {
	trust   Trust
	vouched []vouched
	parsed  map[[sha256.Size]byte]reading
}

// vouched are the signers that one witness can vouch for.
type vouched struct {
	witness
	signers []*Signer
}

type reading struct {
	statement evidence.Statement
	err       error
}

func newExaminer(of Trust) (*examiner, error) {
	if err := of.check(); err != nil {
		return nil, err
	}
	e := &examiner{trust: of, parsed: map[[sha256.Size]byte]reading{}}
	at := map[string]int{}
	for i := range of.Signers {
		s := &of.Signers[i]
		id := s.Key.fingerprint
		if s.Sigstore != nil {
			id = fmt.Sprintf("%p", s.Sigstore)
		}
		if place, ok := at[id]; ok {
			e.vouched[place].signers = append(e.vouched[place].signers, s)
			continue
		}
		var w witness = s.Sigstore
		if s.Sigstore == nil {
			var err error
			if w, err = newKeyWitness(s.Key); err != nil {
				return nil, err
			}
		}
		at[id] = len(e.vouched)
		e.vouched = append(e.vouched, vouched{w, []*Signer{s}})
	}
	return e, nil
}

// who are the signers that may sign the kind, and are among the names if there are any.
func (e *examiner) who(kind trust.Kind, names []string) []*Signer {
	var list []*Signer
	for i := range e.trust.Signers {
		s := &e.trust.Signers[i]
		if s.maySign(kind) && s.isAmong(names) {
			list = append(list, s)
		}
	}
	return list
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
		found[i].content = nil // the same SBOM may lie in four places, and one copy of it in memory will do
		if found[i].err != nil {
			found[i].err = errors.New(printable(found[i].err.Error()))
		}
		if found[i].err == nil {
			found[i].err = e.trust.takes(d.store)
		}
	}
	return found
}

func (e *examiner) bundle(d document) finding {
	b, err := openBundle(d.content)
	if err != nil {
		return finding{document: d, statement: claimedBy(b), err: err}
	}
	return e.read(d, signed{bundle: b, payload: b.GetDsseEnvelope().GetPayload()})
}

// claimedBy is what a bundle that cannot be used says. The annotation beside it is not enough: cosign attest writes there that
// it is a signature, whatever it is.
// https://github.com/sigstore/cosign/blob/v2.6.5/cmd/cosign/cli/attest/attest.go#L218
func claimedBy(b *bundle.Bundle) evidence.Statement {
	if b == nil {
		return evidence.Statement{}
	}
	return claimed(b.GetDsseEnvelope().GetPayload())
}

func (e *examiner) envelope(d document) finding {
	envelope, err := evidence.ParseEnvelope(d.content)
	if err != nil {
		return finding{document: d, err: err}
	}
	return e.read(d, signed{layer: d, message: preAuthEncoding(envelope.Payload), signature: envelope.Signature, payload: envelope.Payload})
}

func (e *examiner) read(d document, s signed) finding {
	f := e.signedBy(finding{document: d, sum: sha256.Sum256(s.payload)}, s)
	if f.err != nil {
		f.statement = claimed(s.payload)
		return f
	}
	read := e.parse(f.sum, s.payload)
	f.statement, f.err = read.statement, read.err
	return f
}

// maxClaim is up to where the predicate of a statement that nobody trusted signed is kept, and maxType where its type is.
// Anybody can put such beside an image, as many as there is room for.
const (
	maxClaim = 16 << 10
	maxType  = 1 << 10
)

// claimed is what such a statement would have been, for the message. It is a copy, which does not hold on to the rest.
func claimed(payload []byte) evidence.Statement {
	s, err := evidence.ParseStatement(payload)
	if err != nil {
		return evidence.Statement{}
	}
	claim := evidence.Statement{PredicateType: shortType(s.PredicateType)}
	if len(s.Predicate) <= maxClaim {
		claim.Predicate = bytes.Clone(s.Predicate)
	}
	return claim
}

// shortType is none that is known where it was long.
func shortType(text string) string { return strings.Clone(text[:min(len(text), maxType)]) }

// parse reads a statement once, in however many places it lies.
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
	sig, err := decodeSignature(d.annotations[annotationSignature])
	if err != nil {
		f.err = err
		return f
	}
	f = e.signedBy(f, signed{layer: d, message: d.content, signature: sig})
	statement, err := parseSimpleSigning(d.content)
	f.statement = statement
	if f.err == nil {
		f.err = err
	}
	return f
}

// signedBy asks the witnesses. What those say that know signatures of this kind explains a no.
func (e *examiner) signedBy(f finding, s signed) finding {
	f.err = errOtherKind
	for _, v := range e.vouched {
		p, err := v.vouch(s)
		if err == nil {
			p.signers = v.signers
			if p.certificate != nil {
				p.signers, err = v.known(*p.certificate)
			}
		}
		if err == nil {
			f.proof, f.err = p, nil
			return f
		}
		if !errors.Is(err, errOtherKind) {
			f.err = err
		}
	}
	if errors.Is(f.err, errOtherKind) {
		f.err = errors.New("it is signed in a way that nobody who is trusted signs in")
	}
	return f
}

// known are the signers whom the certificate names.
func (v vouched) known(c Certificate) ([]*Signer, error) {
	var list []*Signer
	for _, s := range v.signers {
		if len(c.differs(*s)) == 0 {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return nil, c.nearest(v.signers)
	}
	return list, nil
}
