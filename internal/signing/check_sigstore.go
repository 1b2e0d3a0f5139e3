package signing

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// certificatesLogged has sigstore-go demand the promise of a certificate transparency log in the trusted root.
// https://github.com/sigstore/architecture-docs/blob/main/client-spec.md#4-verification
// Attacks 16, 17.
func certificatesLogged() []verify.VerifierOption {
	return []verify.VerifierOption{verify.WithSignedCertificateTimestamps(1)}
}

// signaturesLogged has sigstore-go demand an entry of a transparency log in the trusted root that is of this signature, this
// certificate and this payload.
// https://github.com/sigstore/architecture-docs/blob/main/client-spec.md#4-verification
// Attacks 15, 16, 18, 19, 22, 24.
func signaturesLogged() []verify.VerifierOption {
	return []verify.VerifierOption{verify.WithTransparencyLog(1)}
}

// signedInTime has sigstore-go demand a time at which the chain of the certificate is verified: that of a timestamp authority
// in the trusted root, or, where there is a log, that of a Rekor v1.
// https://github.com/sigstore/architecture-docs/blob/main/client-spec.md#4-verification
// Attacks 15, 16, 18, 19.
func signedInTime(without Without) verify.VerifierOption {
	if without.Log {
		return verify.WithSignedTimestamps(1)
	}
	return verify.WithObserverTimestamps(1)
}

// loggedThen refuses an entry of a log whose key was not valid any more, or not yet, when it was signed. sigstore-go 1.3.0
// compares the key with the time in the entry, and an entry of Rekor v2 has none.
// Attack 16.
func (s *Sigstore) loggedThen(b *bundle.Bundle, at time.Time) error {
	entries, err := b.TlogEntries()
	if err != nil || !s.logged {
		return err
	}
	for _, e := range entries {
		log := s.material.RekorLogs()[hex.EncodeToString([]byte(e.LogKeyID()))]
		if log != nil && !at.Before(log.ValidityPeriodStart) && (log.ValidityPeriodEnd.IsZero() || !at.After(log.ValidityPeriodEnd)) {
			return nil
		}
	}
	return fmt.Errorf("it was signed at %s, and the key of the transparency log was not valid then", at.UTC().Format(time.RFC3339))
}

// isMissing says whether a trusted root has none of what is demanded of signatures: such a root is refused, and the demand
// not dropped.
// Attack 29.
func isMissing(parts int) bool { return parts == 0 }
