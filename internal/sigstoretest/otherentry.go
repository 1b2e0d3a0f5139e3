package sigstoretest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"

	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	tilespb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/sigstore/rekor/pkg/types"
	"github.com/sigstore/rekor/pkg/types/hashedrekord"
)

var errNoHashedRekord = errors.New("the request has no hashedRekordRequestV002")

// lies says whether the logs answer with an entry of something else.
func (s *Sigstore) lies() bool {
	faults, _ := s.misbehaviour()
	return faults.OtherArtefact
}

// stranger is a good signature by a key that nobody knows, of an artefact that nobody asked about.
type stranger struct {
	publicDER []byte
	digest    [sha256.Size]byte
	signature []byte
}

func newStranger() (stranger, error) {
	key, err := newKey()
	if err != nil {
		return stranger{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return stranger{}, err
	}
	digest := sha256.Sum256(der) // any artefact will do
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	return stranger{publicDER: der, digest: digest, signature: signature}, err
}

func otherEntry(ctx context.Context) ([]byte, error) {
	other, err := newStranger()
	if err != nil {
		return nil, err
	}
	proposed, err := hashedrekord.New().CreateProposedEntry(ctx, "", types.ArtifactProperties{
		PublicKeyBytes: [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: other.publicDER})},
		PKIFormat:      "x509",
		SignatureBytes: other.signature, ArtifactHash: "sha256:" + hex.EncodeToString(other.digest[:]),
	})
	if err != nil {
		return nil, err
	}
	return canonical(ctx, proposed)
}

func (l *rekorTiles) otherEntry() ([]byte, error) {
	other, err := newStranger()
	if err != nil {
		return nil, err
	}
	return l.canonical(&tilespb.HashedRekordRequestV002{
		Digest: other.digest[:],
		Signature: &tilespb.Signature{Content: other.signature, Verifier: &tilespb.Verifier{
			KeyDetails: commonpb.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
			Verifier:   &tilespb.Verifier_PublicKey{PublicKey: &tilespb.PublicKey{RawBytes: other.publicDER}},
		}},
	})
}
