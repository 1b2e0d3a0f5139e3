package signing

import (
	"fmt"

	cosign "github.com/sigstore/cosign/v2/pkg/types"

	"github.com/stepseal/stepseal/internal/evidence"
)

// isAbout compares the first subject with the digest of the image, or of an index's platform.
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
// Attacks 4, 5, 6, 24.
func (j *judge) isAbout(f finding) error {
	if f.statement.Names(j.digest) || j.platforms[f.first()] {
		return nil
	}
	return fmt.Errorf("is about %.80q", f.first())
}

// saysThatItIsSigned compares the predicate type that was signed: what is beside it in annotations is anybody's.
// Attacks 2, 4, 8, 9, 10.
func (f finding) saysThatItIsSigned() bool { return f.predicate() == evidence.SignaturePredicate }

// liesWhereSignaturesDo takes no envelope under cosign's tags for a signature: there a signature has a form of its own.
// https://github.com/sigstore/cosign/blob/v2.6.5/specs/SIGNATURE_SPEC.md
// Attack 8.
func (f finding) liesWhereSignaturesDo() bool {
	return f.store == Bundle || f.mediaType == cosign.SimpleSigningMediaType
}

// isSimpleSigning compares the type that cosign's payload gives itself: other documents of that form are no signatures.
// https://github.com/sigstore/cosign/blob/v2.6.5/specs/SIGNATURE_SPEC.md#simple-signing
// Attack 5.
func (s simpleSigning) isSimpleSigning() error {
	if s.Critical.Type != simpleSigningType {
		return fmt.Errorf("signature payload: type %.80q is not %q", s.Critical.Type, simpleSigningType)
	}
	return nil
}
