// Package tuftest is a TUF repository in the process, with a root of its own, that can be made to misbehave. It serves
// over loopback what a real one serves over the network.
package tuftest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Repository is a repository with one key for each role.
type Repository struct {
	URL string

	mu       sync.Mutex
	keys     map[string]ed25519.PrivateKey
	root     *metadata.Metadata[metadata.RootType]
	first    []byte
	files    map[string][]byte
	version  int64
	targets  map[string][]byte
	answer   func(http.ResponseWriter, *http.Request) bool
	requests []string
	server   *httptest.Server
}

var roles = []string{metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS}

// Start makes a repository of these targets, good for a day.
func Start(targets map[string][]byte) (*Repository, error) {
	r := &Repository{keys: map[string]ed25519.PrivateKey{}, files: map[string][]byte{}, targets: targets}
	r.root = metadata.Root(time.Now().Add(24 * time.Hour).UTC())
	for _, role := range roles {
		if err := r.newKey(role); err != nil {
			return nil, err
		}
	}
	if err := r.publishRoot(); err != nil {
		return nil, err
	}
	r.first = r.files["1.root.json"]
	if err := r.Publish(24 * time.Hour); err != nil {
		return nil, err
	}
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	r.URL = r.server.URL
	return r, nil
}

// Close ends it.
func (r *Repository) Close() { r.server.Close() }

// Root is the root.json that trust begins with: the first one.
func (r *Repository) Root() []byte { return r.first }

// Publish makes a new version of everything but the root, whose timestamp is good for so long; it may be over already.
func (r *Repository) Publish(good time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version++
	day := time.Now().Add(24 * time.Hour).UTC()
	targets := metadata.Targets(day)
	targets.Signed.Version = r.version
	for name, content := range r.targets {
		file, err := metadata.TargetFile().FromBytes(name, content, "sha256")
		if err != nil {
			return err
		}
		targets.Signed.Targets[name] = file
		sum := sha256.Sum256(content)
		r.files["targets/"+hex.EncodeToString(sum[:])+"."+name] = content
	}
	if err := put(r, metadata.TARGETS, fmt.Sprintf("%d.targets.json", r.version), targets); err != nil {
		return err
	}
	snapshot := metadata.Snapshot(day)
	snapshot.Signed.Version = r.version
	snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(r.version)
	if err := put(r, metadata.SNAPSHOT, fmt.Sprintf("%d.snapshot.json", r.version), snapshot); err != nil {
		return err
	}
	timestamp := metadata.Timestamp(time.Now().Add(good).UTC())
	timestamp.Signed.Version = r.version
	timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(r.version)
	return put(r, metadata.TIMESTAMP, "timestamp.json", timestamp)
}

// Rotate gives the role another key, in a new root. What the old key signed counts no longer.
func (r *Repository) Rotate(role string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.root.Signed.RevokeKey(r.root.Signed.Roles[role].KeyIDs[0], role); err != nil {
		return err
	}
	if err := r.newKey(role); err != nil {
		return err
	}
	r.root.Signed.Version++
	return r.publishRoot()
}

// Forge gives the role another key that no root names.
func (r *Repository) Forge(role string) error {
	_, private, err := ed25519.GenerateKey(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[role] = private
	return err
}

// Files are the documents that are served now, to be put back with Restore.
func (r *Repository) Files() map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string][]byte{}
	for name, content := range r.files {
		all[name] = content
	}
	return all
}

// Restore serves these documents from now on.
func (r *Repository) Restore(files map[string][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = files
}

// Answer is asked before the repository is; true means that it has answered. Nil lets the repository be good.
func (r *Repository) Answer(how func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = how
}

// Requests are the paths that were asked for since it was last asked.
func (r *Repository) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.requests
	r.requests = nil
	return list
}

func (r *Repository) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, req.URL.Path)
	how, content := r.answer, r.files[strings.TrimPrefix(req.URL.Path, "/")]
	r.mu.Unlock()
	switch {
	case how != nil && how(w, req):
	case content == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(content)
	}
}

func (r *Repository) newKey(role string) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	key, err := metadata.KeyFromPublicKey(public)
	if err != nil {
		return err
	}
	r.keys[role] = private
	return r.root.Signed.AddKey(key, role)
}

func (r *Repository) publishRoot() error {
	r.root.ClearSignatures()
	return put(r, metadata.ROOT, fmt.Sprintf("%d.root.json", r.root.Signed.Version), r.root)
}

func put[T metadata.Roles](r *Repository, role, name string, of *metadata.Metadata[T]) error {
	signer, err := signature.LoadSigner(r.keys[role], crypto.Hash(0))
	if err != nil {
		return err
	}
	if _, err := of.Sign(signer); err != nil {
		return err
	}
	content, err := of.ToBytes(false)
	r.files[name] = content
	return err
}
