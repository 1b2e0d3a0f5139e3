package tuf

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// documents are files of a repository, by their path below the mirror.
type documents map[string][]byte

// maxCache bounds the file of what was kept: base64 of a few documents.
const maxCache = 24 << 20

// kept is the file between runs. It is one file, so that it is there whole or not at all, however many runs write it.
type kept struct {
	Mirror    string    `json:"mirror"`
	Documents documents `json:"documents"`
}

// file is another one for every mirror and root.
func (o Options) file(r Repository) string {
	sum := sha256.New()
	_, _ = io.WriteString(sum, r.Mirror+"\n")
	sum.Write(r.Root)
	return filepath.Join(o.Cache, "tuf", hex.EncodeToString(sum.Sum(nil)[:16])+".json")
}

// load is what an earlier run kept, nothing where it cannot be read. Nothing of it is believed for being there.
func (o Options) load(r Repository) documents {
	if o.Cache == "" {
		return nil
	}
	if info, err := os.Lstat(o.file(r)); err != nil || !info.Mode().IsRegular() {
		return nil // a pipe would keep us waiting
	}
	f, err := os.Open(o.file(r))
	if err != nil {
		return nil
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxCache+1))
	if err != nil {
		return nil
	}
	return parse(content, r.Mirror)
}

func parse(content []byte, mirror string) documents {
	var from kept
	if strictjson.Decode(content, strictjson.Bounds{Bytes: maxCache, Depth: 4}, &from) != nil || from.Mirror != mirror {
		return nil
	}
	return from.Documents
}

// keep is best effort: whoever cannot write the cache fetches again. It is renamed into its place, so that runs beside
// each other see the one or the other.
func (o Options) keep(r Repository, of documents) {
	if o.Cache == "" {
		return
	}
	content, err := json.Marshal(kept{r.Mirror, of})
	if err != nil || os.MkdirAll(filepath.Dir(o.file(r)), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(o.file(r)), ".writing-")
	if err != nil {
		return
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if f.Close() != nil || err != nil {
		return
	}
	_ = os.Rename(f.Name(), o.file(r))
}
