package sigstoretest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	"github.com/go-openapi/runtime"
	"github.com/go-openapi/strfmt"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1" // registers the kind
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1"
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// rekor is a transparency log of version 1. It checks a signature before it logs it, as the real one does.
// https://github.com/sigstore/rekor/blob/v1.5.3/openapi.yaml
type rekor struct {
	tree   *tree
	signer signature.Signer
	public crypto.PublicKey
	id     [sha256.Size]byte
}

const (
	rekorEntries = "/api/v1/log/entries"
	rekorTree    = 1 // the tree's number, which is the first half of an entry's name
	rekorHost    = "sandbox"
)

func newRekor() (*rekor, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	signer, err := signature.LoadECDSASigner(key, crypto.SHA256)
	return &rekor{tree: newTree(), signer: signer, public: key.Public(), id: sha256.Sum256(der)}, err
}

func rekorHandler(s *Sigstore) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+rekorEntries, func(w http.ResponseWriter, req *http.Request) { s.rekor().create(s, w, req) })
	mux.HandleFunc("GET /api/v1/log/publicKey", func(w http.ResponseWriter, _ *http.Request) { s.rekor().tellKey(w) })
	mux.HandleFunc("GET "+rekorEntries+"/{name}", func(w http.ResponseWriter, req *http.Request) { s.rekor().show(s, w, req) })
	return mux
}

func (s *Sigstore) rekor() *rekor {
	if _, odd := s.misbehaviour(); odd.log != nil {
		return odd.log
	}
	return s.log
}

func (l *rekor) tellKey(w http.ResponseWriter) {
	text, err := cryptoutils.MarshalPublicKeyToPEM(l.public)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(text)
}

func (l *rekor) create(s *Sigstore, w http.ResponseWriter, req *http.Request) {
	proposed, err := models.UnmarshalProposedEntry(req.Body, runtime.JSONConsumer())
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	entry, err := canonical(req.Context(), proposed)
	if err == nil && s.lies() {
		entry, err = otherEntry(req.Context())
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	faults, _ := s.misbehaviour()
	in, isNew, err := l.tree.add(entry, s.clock(Rekor), faults.EveryEntry)
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	case !isNew:
		w.Header().Set("Location", rekorEntries+"/"+entryName(in))
		refuse(w, http.StatusConflict, fmt.Errorf("an equivalent entry already exists in the transparency log with UUID %s", entryName(in)))
	default:
		l.tell(req.Context(), s, w, http.StatusCreated, in)
	}
}

func (l *rekor) show(s *Sigstore, w http.ResponseWriter, req *http.Request) {
	name, err := hex.DecodeString(req.PathValue("name"))
	if err != nil || len(name) < sha256.Size {
		refuse(w, http.StatusBadRequest, errors.New("the name of an entry is the hash of its leaf in hexadecimal, with or without the tree's number before it"))
		return
	}
	in, exists, err := l.tree.find(name[len(name)-sha256.Size:])
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	case !exists:
		refuse(w, http.StatusNotFound, errors.New("no such entry"))
	default:
		l.tell(req.Context(), s, w, http.StatusOK, in)
	}
}

// tell sends an entry with its ETag, without which sigstore-go 1.3.0 dereferences a nil pointer.
func (l *rekor) tell(ctx context.Context, s *Sigstore, w http.ResponseWriter, status int, in inclusion) {
	entry, err := l.entry(ctx, in)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	if faults, _ := s.misbehaviour(); faults.WithoutProof {
		entry.Verification.InclusionProof = emptyProof()
	}
	w.Header().Set("ETag", entryName(in))
	w.Header().Set("Location", rekorEntries+"/"+entryName(in))
	answer(w, status, models.LogEntry{entryName(in): *entry})
}

// entry is an entry with the proof that it is in the log, and the promise, which is the signed time.
func (l *rekor) entry(ctx context.Context, in inclusion) (*models.LogEntryAnon, error) {
	seconds, index, size := in.added.Unix(), int64(in.index), int64(in.size)
	id, root := hex.EncodeToString(l.id[:]), hex.EncodeToString(in.root)
	entry := &models.LogEntryAnon{Body: base64.StdEncoding.EncodeToString(in.entry), IntegratedTime: &seconds, LogID: &id, LogIndex: &index}
	promise, err := l.promise(entry)
	if err != nil {
		return nil, err
	}
	signed, err := util.CreateAndSignCheckpoint(ctx, rekorHost, rekorTree, in.size, in.root, l.signer)
	if err != nil {
		return nil, err
	}
	checkpoint := string(signed)
	entry.Verification = &models.LogEntryAnonVerification{
		InclusionProof:       &models.InclusionProof{Checkpoint: &checkpoint, Hashes: hexadecimal(in.path), LogIndex: &index, RootHash: &root, TreeSize: &size},
		SignedEntryTimestamp: strfmt.Base64(promise),
	}
	return entry, nil
}

// promise signs the entry without its proof, as canonical JSON.
// https://github.com/sigstore/rekor/blob/v1.5.3/pkg/api/entries.go
func (l *rekor) promise(entry *models.LogEntryAnon) ([]byte, error) {
	text, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	text, err = jsoncanonicalizer.Transform(text)
	if err != nil {
		return nil, err
	}
	return l.signer.SignMessage(bytes.NewReader(text))
}

func canonical(ctx context.Context, proposed models.ProposedEntry) ([]byte, error) {
	entry, err := types.UnmarshalEntry(proposed)
	if err != nil {
		return nil, err
	}
	return types.CanonicalizeEntry(ctx, entry)
}

func entryName(in inclusion) string { return fmt.Sprintf("%016x%x", rekorTree, in.leaf) }

func emptyProof() *models.InclusionProof {
	var nothing string
	var zero int64
	return &models.InclusionProof{Checkpoint: &nothing, Hashes: []string{}, LogIndex: &zero, RootHash: &nothing, TreeSize: &zero}
}

func hexadecimal(hashes [][]byte) []string {
	list := make([]string, 0, len(hashes))
	for _, hash := range hashes {
		list = append(list, hex.EncodeToString(hash))
	}
	return list
}
