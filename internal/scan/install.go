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
// folder alone. What does not open is not put in place, nor what was built before a date: that of the database that is
// there, for an update must not lead back.
func install(ctx context.Context, at installation.Config, file string, of stamp, notBefore time.Time) error {
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
	built, err := prepareInstall(ctx, file, fresh, of)
	if err != nil {
		return err
	}
	if built.Before(notBefore) {
		return outcome.New(outcome.DatabaseDamaged, "the database that %s offers as a new one was built %s, and is older than the one that is here, of %s",
			of.From, built.Format(time.RFC3339), notBefore.Format(time.RFC3339)).
			Hint("write the mirror's latest.json anew for the archive beside it; to go back on purpose, use stepseal database import")
	}
	if err := replace(at.DBDirectoryPath(), fresh, filepath.Join(stage, "old")); err != nil {
		return outcome.New(outcome.OutputUnwritable, "the database in %s cannot be replaced", at.DBDirectoryPath()).Because(err)
	}
	return nil
}

func prepareInstall(ctx context.Context, file, fresh string, of stamp) (built time.Time, err error) {
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return built, outcome.New(outcome.OutputUnwritable, "the database folder cannot be written").Because(err)
	}
	kind, err := kindOfFile(file)
	if err != nil {
		return built, damaged(file).Because(err)
	}
	original, err := unpack(ctx, file, kind, fresh)
	if err != nil {
		return built, asDamaged(ctx, file, err)
	}
	if err := index(fresh, original); err != nil {
		return built, asDamaged(ctx, file, err)
	}
	if built, err = opens(ctx, fresh); err != nil {
		return built, asDamaged(ctx, file, err)
	}
	of.SHA256 = original.sha256()
	if of.Import, err = readImport(fresh); err != nil {
		return built, damaged(file).Because(err)
	}
	return built, writeStamp(fresh, of)
}

// opens says whether there is a database with a date and providers, and when it was built.
func opens(ctx context.Context, dir string) (built time.Time, err error) {
	db, err := openLocated(located{name: dir, dir: dir}, time.Time{})
	if err != nil {
		return time.Time{}, err
	}
	return db.info.Built, errors.Join(ctx.Err(), db.Close())
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
