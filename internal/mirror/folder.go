package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Folder is a folder with a latest.json and the archive that it names, as database build writes it.
type Folder struct {
	Latest    Latest
	Document  []byte // latest.json
	Signature []byte // nil where there is none
	Archive   string // the path
}

// ReadFolder reads the description, and checks its signature if one is demanded. It does not look into the archive:
// Check does.
func ReadFolder(dir string, verify Verify) (Folder, error) {
	var f Folder
	var err error
	file := filepath.Join(dir, LatestFile)
	if f.Document, err = readSmall(file, maxLatest); errors.Is(err, fs.ErrNotExist) {
		return Folder{}, outcome.New(outcome.DatabaseMissing, "there is no %s in %s", LatestFile, dir).
			Hint("stepseal database build writes an archive with its latest.json")
	} else if err != nil {
		return Folder{}, outcome.New(outcome.DatabaseDamaged, "%s cannot be read", file).Because(err)
	}
	f.Signature, err = readSmall(filepath.Join(dir, SignatureFile), maxSignature)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Folder{}, outcome.New(outcome.DatabaseDamaged, "%s cannot be read", filepath.Join(dir, SignatureFile)).Because(err)
	}
	if verify != nil {
		if f.Signature == nil {
			return Folder{}, untrusted("%s is not signed", file)
		}
		if err := verify(f.Document, f.Signature); err != nil {
			return Folder{}, untrusted("%s", file).Because(err)
		}
	}
	if f.Latest, err = ParseLatest(f.Document); err != nil {
		return Folder{}, outcome.New(outcome.DatabaseDamaged, "%s is not a description of a database", file).Because(err)
	}
	f.Archive = filepath.Join(dir, f.Latest.Archive)
	return f, nil
}

// Check reads the archive and compares its checksum.
func (f Folder) Check(ctx context.Context) error {
	have, err := hashOf(ctx, f.Archive)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return outcome.New(outcome.DatabaseMissing, "there is no %s, which latest.json names", f.Archive)
	case err != nil:
		return outcome.New(outcome.DatabaseDamaged, "%s cannot be read", f.Archive).Because(err)
	case have != f.Latest.SHA256:
		return outcome.New(outcome.DatabaseDamaged, "%s is not what latest.json says", f.Archive).With("expected "+f.Latest.SHA256, "found "+have)
	}
	return nil
}

func readSmall(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	doc, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(doc)) > limit {
		err = fmt.Errorf("larger than %d bytes", limit)
	}
	return doc, err
}
