package signing

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	checkpoints "github.com/transparency-dev/formats/log"
	notes "golang.org/x/mod/sumdb/note"

	"github.com/stepseal/stepseal/internal/lifetime"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// shown is what a service says that it signs by. Services say it unsigned: it may be held against what is trusted, and
// never become that.
func (s *Sigstore) shown(by lifetime.Service, content []byte) ([]lifetime.Shown, error) {
	switch {
	case by.Role == lifetime.CertificateAuthority:
		return shownIssuers(content)
	case by.Role == lifetime.TimestampAuthority:
		return shownStamper(content)
	case isTiles(by):
		return s.shownCheckpoint(content)
	}
	return shownKey(content)
}

// shownIssuers are the certificates that issue, the first of each chain: a signature comes without them, so that the
// trusted root has to hold them, and not only what certified them.
// https://github.com/sigstore/fulcio/blob/v1.8.7/fulcio.proto
func shownIssuers(content []byte) (list []lifetime.Shown, err error) {
	if err := strictjson.Check(content, strictjson.Bounds{Bytes: maxShown, Depth: 8, FoldKeys: true}); err != nil {
		return nil, err
	}
	var bundle struct {
		Chains []struct {
			Certificates []string `json:"certificates"`
		} `json:"chains"`
	}
	if err := json.Unmarshal(content, &bundle); err != nil {
		return nil, err
	}
	for _, chain := range bundle.Chains {
		if len(chain.Certificates) == 0 {
			continue
		}
		certificates, err := shownCertificates([]byte(chain.Certificates[0]))
		if err != nil {
			return nil, err
		}
		issuer := certificates[0]
		list = append(list, lifetime.Shown{ID: issuerID(issuer), Text: "a certificate of " + fingerprinted(issuer, issuer.RawSubjectPublicKeyInfo, "key")})
	}
	if len(list) == 0 {
		return nil, errors.New("it shows no chain of certificates")
	}
	return list, nil
}

// shownStamper is the certificate that stamps, and of what it comes from: a trusted root may hold that alone.
func shownStamper(content []byte) ([]lifetime.Shown, error) {
	chain, err := shownCertificates(content)
	if err != nil {
		return nil, err
	}
	list := []lifetime.Shown{{ID: leafID(chain[0]), Text: "the certificate " + fingerprinted(chain[0], chain[0].Raw, "sha256")}}
	for _, issuer := range chain[1:] {
		list = append(list, lifetime.Shown{ID: issuerID(issuer)})
	}
	return list, nil
}

func shownCertificates(content []byte) ([]*x509.Certificate, error) {
	certificates, err := cryptoutils.UnmarshalCertificatesFromPEM(content)
	if err == nil && len(certificates) == 0 {
		err = errors.New("it shows no certificate")
	}
	return certificates, err
}

func shownKey(content []byte) ([]lifetime.Shown, error) {
	key, err := cryptoutils.UnmarshalPEMToPublicKey(content)
	if err != nil {
		return nil, err
	}
	ids := keyIDs(key)
	if len(ids) == 0 {
		return nil, fmt.Errorf("a %T is no key of a log", key)
	}
	return []lifetime.Shown{{ID: ids[0], Text: "the key " + ids[0][:idShown]}}, nil
}

// shownCheckpoint is the key of the trusted root by which a checkpoint is signed, under the name that verification expects;
// else what the checkpoint says of its key.
// https://github.com/C2SP/C2SP/blob/main/tlog-checkpoint.md
func (s *Sigstore) shownCheckpoint(content []byte) ([]lifetime.Shown, error) {
	for _, log := range s.material.RekorLogs() {
		if ids := keyIDs(log.PublicKey); len(ids) > 0 && signsCheckpoint(log, content) {
			return []lifetime.Shown{{ID: ids[0], Text: "the key " + ids[0][:idShown]}}, nil
		}
	}
	_, err := notes.Open(content, notes.VerifierList())
	var unknown *notes.UnverifiedNoteError
	if !errors.As(err, &unknown) || len(unknown.Note.UnverifiedSigs) == 0 {
		return nil, errors.New("it is no signed checkpoint")
	}
	by := unknown.Note.UnverifiedSigs[0]
	return []lifetime.Shown{{ID: fmt.Sprintf("%s+%08x", by.Name, by.Hash), Text: fmt.Sprintf("a checkpoint signed as %s by the key %08x", printable(by.Name), by.Hash)}}, nil
}

// signsCheckpoint compares as sigstore-go does when it verifies an entry: the host in the trusted root is the name.
func signsCheckpoint(log *root.TransparencyLog, content []byte) bool {
	at, err := url.Parse(log.BaseURL)
	if err != nil {
		return false
	}
	key, err := signature.LoadVerifier(log.PublicKey, log.SignatureHashFunc)
	if err != nil {
		return false
	}
	verifier, err := note.NewNoteVerifier(at.Hostname(), key)
	if err != nil {
		return false
	}
	_, _, _, err = checkpoints.ParseCheckpoint(content, at.Hostname(), verifier)
	return err == nil
}

// chainIDs are those of what a service may show: of a timestamp authority the certificate that stamps, where it is held.
func chainIDs(leaf *x509.Certificate, intermediates []*x509.Certificate, top *x509.Certificate) (ids []string) {
	if leaf != nil {
		return []string{leafID(leaf)}
	}
	for _, issuer := range slices.Concat(intermediates, []*x509.Certificate{top}) {
		if issuer != nil {
			ids = append(ids, issuerID(issuer))
		}
	}
	return ids
}

func leafID(c *x509.Certificate) string { return hexDigest(c.Raw) }

// issuerID stays when the certificate is renewed with its name and its key: what it issues verifies by either.
func issuerID(c *x509.Certificate) string {
	return hexDigest(slices.Concat(c.RawSubject, c.RawSubjectPublicKeyInfo))
}

// keyIDs is one id, or none of what cannot be a log's key.
func keyIDs(key crypto.PublicKey) []string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil
	}
	return []string{hexDigest(der)}
}

func hexDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func fingerprinted(c *x509.Certificate, part []byte, what string) string {
	return fmt.Sprintf("%s (%s %s)", printable(c.Subject.String()), what, hexDigest(part)[:idShown])
}
