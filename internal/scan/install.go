package scan

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/anchore/grype/grype/db/v6/installation"
	"github.com/spf13/afero"

	"github.com/stepseal/stepseal/internal/outcome"
)

// stagePrefix marks what is being put together beside grype's database.
const stagePrefix = ".stepseal-stage-"

func osFS() afero.Fs { return afero.NewOsFs() }

// install unpacks an archive, or takes a database, and puts it in the place of grype's. Whoever calls it holds the
// folder alone. What does not open is not put in place.
func install(ctx context.Context, at installation.Config, file string, of stamp) error {
	left, _ := filepath.Glob(filepath.Join(at.DBRootDir, stagePrefix+"*"))
	for _, dir := range left {
		_ = os.RemoveAll(dir) // of a run that died: nobody else is at work here
	}
	stage, err := os.MkdirTemp(at.DBRootDir, stagePrefix)
	if err != nil {
		return outcome.New(outcome.OutputUnwritable, "the database folder %s cannot be written", at.DBRootDir).Because(err)
	}
	defer os.RemoveAll(stage)
	if !uriSafe(stage) {
		return outcome.New(outcome.OutputUnwritable, "the database folder %s has a name with ?, # or %% in it", at.DBRootDir)
	}
	fresh := filepath.Join(stage, "new")
	if err := prepareInstall(ctx, file, fresh, of); err != nil {
		return err
	}
	if err := replace(at.DBDirectoryPath(), fresh, filepath.Join(stage, "old")); err != nil {
		return outcome.New(outcome.OutputUnwritable, "the database in %s cannot be replaced", at.DBDirectoryPath()).Because(err)
	}
	return nil
}

func prepareInstall(ctx context.Context, file, fresh string, of stamp) error {
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return outcome.New(outcome.OutputUnwritable, "the database folder cannot be written").Because(err)
	}
	kind, err := kindOfFile(file)
	if err != nil {
		return damaged(file).Because(err)
	}
	original, err := unpack(ctx, file, kind, fresh)
	if err != nil {
		return asDamaged(ctx, file, err)
	}
	if err := index(fresh, original); err != nil {
		return asDamaged(ctx, file, err)
	}
	if err := opens(ctx, fresh); err != nil {
		return asDamaged(ctx, file, err)
	}
	of.SHA256 = original.sha256()
	if of.Import, err = readImport(fresh); err != nil {
		return damaged(file).Because(err)
	}
	return writeStamp(fresh, of)
}

// opens says whether there is a database with a date and providers.
func opens(ctx context.Context, dir string) error {
	db, err := openLocated(located{name: dir, dir: dir}, time.Time{})
	if err != nil {
		return err
	}
	return errors.Join(ctx.Err(), db.Close())
}

func kindOfFile(file string) (kind, error) {
	f, err := os.Open(file)
	if err != nil {
		return notDatabase, err
	}
	defer f.Close()
	head, _ := bufio.NewReader(f).Peek(16)
	kind := kindOf(head)
	if kind == notDatabase {
		return kind, errNotDatabase
	}
	return kind, nil
}

func writeStamp(dir string, of stamp) error {
	doc, err := json.Marshal(of)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, stampFile), doc, 0o644)
	}
	if err != nil {
		return outcome.New(outcome.OutputUnwritable, "%s cannot be written", filepath.Join(dir, stampFile)).Because(err)
	}
	return nil
}
