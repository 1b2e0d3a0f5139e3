package sigstoretest

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	tilespb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	tilesnote "github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/rekor-tiles/v2/pkg/types/hashedrekord"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/encoding/protojson"
)

// rekorTiles is a transparency log of version 2. It takes hashed entries only and says nothing of the time.
// https://github.com/sigstore/rekor-tiles/blob/v2.3.0/CLIENTS.md
type rekorTiles struct {
	tree      *tree
	signer    note.Signer
	public    crypto.PublicKey
	id        []byte
	algorithm *signature.AlgorithmRegistryConfig
}

// tilesOrigin signs checkpoints; a verifier takes it from the host in the trusted root.
const tilesOrigin = "127.0.0.1"

func newRekorTiles(ctx context.Context) (*rekorTiles, error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := signature.LoadED25519Signer(key)
	if err != nil {
		return nil, err
	}
	noted, err := tilesnote.NewNoteSigner(ctx, tilesOrigin, signer)
	if err != nil {
		return nil, err
	}
	_, id, err := tilesnote.KeyHash(tilesOrigin, public)
	if err != nil {
		return nil, err
	}
	algorithm, err := signature.NewAlgorithmRegistryConfig([]commonpb.PublicKeyDetails{
		commonpb.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256, commonpb.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384,
		commonpb.PublicKeyDetails_PKIX_ECDSA_P521_SHA_512, commonpb.PublicKeyDetails_PKIX_ED25519_PH,
		commonpb.PublicKeyDetails_PKIX_RSA_PKCS1V15_2048_SHA256, commonpb.PublicKeyDetails_PKIX_RSA_PKCS1V15_3072_SHA256,
		commonpb.PublicKeyDetails_PKIX_RSA_PKCS1V15_4096_SHA256,
	})
	return &rekorTiles{tree: newTree(), signer: noted, public: public, id: id, algorithm: algorithm}, err
}

func tilesHandler(s *Sigstore) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/log/entries", func(w http.ResponseWriter, req *http.Request) {
		l := s.rekorTiles()
		entry, err := l.requested(req.Body)
		if err == nil && s.lies() {
			entry, err = l.otherEntry()
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		l.add(s, w, entry)
	})
	mux.HandleFunc("GET /api/v2/checkpoint", func(w http.ResponseWriter, _ *http.Request) {
		l := s.rekorTiles()
		checkpoint, err := l.checkpoint(l.tree.head())
		if err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		_, _ = w.Write(checkpoint)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "SERVING"})
	})
	return mux
}

func (s *Sigstore) rekorTiles() *rekorTiles {
	if _, odd := s.misbehaviour(); odd.tiles != nil {
		return odd.tiles
	}
	return s.tiles
}

func (l *rekorTiles) requested(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var asked tilespb.CreateEntryRequest
	if err := protojson.Unmarshal(text, &asked); err != nil {
		return nil, err
	}
	return l.canonical(asked.GetHashedRekordRequestV002())
}

// canonical checks the signature in a request and is the entry that it becomes.
func (l *rekorTiles) canonical(asked *tilespb.HashedRekordRequestV002) ([]byte, error) {
	if asked == nil {
		return nil, errNoHashedRekord
	}
	entry, err := hashedrekord.ToLogEntry(asked, l.algorithm)
	if err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(entry)
	if err != nil {
		return nil, err
	}
	return jsoncanonicalizer.Transform(text)
}

func (l *rekorTiles) add(s *Sigstore, w http.ResponseWriter, entry []byte) {
	faults, _ := s.misbehaviour()
	in, isNew, err := l.tree.add(entry, time.Time{}, faults.EveryEntry)
	if err == nil && !isNew {
		refuse(w, http.StatusConflict, fmt.Errorf("an equivalent entry already exists in the transparency log with index %d", in.index))
		return
	}
	var logged *rekorpb.TransparencyLogEntry
	if err == nil {
		logged, err = l.logged(in)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	if faults.WithoutProof {
		logged.InclusionProof = nil
	}
	answerProto(w, http.StatusCreated, logged)
}

func (l *rekorTiles) logged(in inclusion) (*rekorpb.TransparencyLogEntry, error) {
	checkpoint, err := l.checkpoint(in.size, in.root)
	if err != nil {
		return nil, err
	}
	return &rekorpb.TransparencyLogEntry{
		LogIndex: int64(in.index), LogId: &commonpb.LogId{KeyId: l.id}, CanonicalizedBody: in.entry,
		KindVersion: &rekorpb.KindVersion{Kind: "hashedrekord", Version: "0.0.2"},
		InclusionProof: &rekorpb.InclusionProof{
			LogIndex: int64(in.index), TreeSize: int64(in.size), RootHash: in.root, Hashes: in.path,
			Checkpoint: &rekorpb.Checkpoint{Envelope: string(checkpoint)},
		},
	}, nil
}

func (l *rekorTiles) checkpoint(size uint64, root []byte) ([]byte, error) {
	return note.Sign(&note.Note{Text: string(log.Checkpoint{Origin: tilesOrigin, Size: size, Hash: root}.Marshal())}, l.signer)
}
