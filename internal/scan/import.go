package scan

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stepseal/stepseal/internal/mirror"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Imported says what was put where.
type Imported struct {
	File   string // that was taken
	SHA256 string // of it
	Folder string // where it is now
	Info   Info
}

// Import puts the database of s.Path, an archive, a database, or a folder with one, into the place that Update fills,
// whatever is there. Nothing is contacted.
func Import(ctx context.Context, s Source, now time.Time) (Imported, error) {
	file, err := s.findFile()
	if err != nil {
		return Imported{}, err
	}
	kind, of, err := sumsOfFile(ctx, file)
	if err != nil {
		return Imported{}, asDamaged(ctx, file, err)
	}
	if err := s.trusted(file, kind, of); err != nil {
		return Imported{}, err
	}
	if _, err := wholeBeside(file, kind, of); err != nil {
		return Imported{}, damaged(s.Path).Because(err)
	}
	at := s.place()
	if err := os.MkdirAll(at.DBRootDir, 0o755); err != nil {
		return Imported{}, outcome.New(outcome.OutputUnwritable, "the database folder %s cannot be made", at.DBRootDir).Because(err)
	}
	alone, err := lockFolder(ctx, at.DBRootDir, exclusive)
	if err != nil {
		return Imported{}, outcome.New(outcome.OutputUnwritable, "the database folder %s cannot be locked", at.DBRootDir).Because(err)
	}
	err = install(ctx, at, file, stamp{Archive: of.sha256(), Key: s.Key.ID}, time.Time{})
	if err := errors.Join(err, alone.release()); err != nil {
		return Imported{}, err
	}
	s.Path, s.UpdateAllowed = "", false
	info, err := Status(ctx, s, now)
	return Imported{File: file, SHA256: of.sha256(), Folder: at.DBRootDir, Info: info}, err
}

// findFile is the archive or database that Path names, or that lies in the folder that it names: in a folder of ours or
// of grype's, one level below in a folder named by the schema, or as what a latest.json names.
func (s Source) findFile() (string, error) {
	info, err := os.Stat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", outcome.New(outcome.DatabaseMissing, "there is no database %s", s.Path)
	}
	if err != nil {
		return "", damaged(s.Path).Because(err)
	}
	if !info.IsDir() {
		return s.Path, nil
	}
	for _, dir := range []string{s.Path, filepath.Join(s.Path, "6")} {
		if file := filepath.Join(dir, databaseFile); exists(file) {
			return file, nil
		}
	}
	if !exists(filepath.Join(s.Path, mirror.LatestFile)) {
		return "", outcome.New(outcome.DatabaseMissing, "there is no %s and no %s in %s", databaseFile, mirror.LatestFile, s.Path)
	}
	folder, err := mirror.ReadFolder(s.Path, s.Key.Verify)
	if err != nil {
		return "", err
	}
	if !exists(folder.Archive) {
		return "", outcome.New(outcome.DatabaseMissing, "there is no %s, which latest.json names", folder.Archive)
	}
	return folder.Archive, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
