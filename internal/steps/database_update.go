package steps

import (
	"context"
	"errors"
	"io/fs"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

// DatabaseUpdate fetches the database that scan-gate would use.
func DatabaseUpdate() *step.Spec {
	return &step.Spec{
		Name:    "database update",
		Summary: "Fetch the advisory database that scan-gate uses, if there is a newer one",
		Prose: `Asks each --database-url in turn, or Grype's public place, and puts a newer database where scan-gate and the grype CLI look for it: GRYPE_DB_CACHE_DIR, else XDG_CACHE_HOME/grype/db, else HOME/.cache/grype/db. A broken download is gone on with the next time. Jobs beside each other on one folder wait for the one that downloads.

Addresses are https, or http on this machine. With --database-key nothing is believed that is not signed.`,
		Examples: []step.Example{
			{Text: "from two mirrors of your own, the second when the first is away", Command: "stepseal database update --database-url https://mirror-a.example.com/databases,https://mirror-b.example.com/databases"},
		},
		Inputs: inputs([]step.Input{databaseURLInput, databaseKeyInput, databaseSizeInput, authorityInput, databaseAgeInput, providerAgeInput, offlineInput, configInput}, speaking),
		Run: func(ctx context.Context, r *step.Run) error {
			if offlineInput.Of(r) {
				return outcome.New(outcome.InvalidInput, "an update reaches out, and --offline forbids that").
					Hint("carry an archive here, and put it in place with stepseal database import")
			}
			source, err := databaseSource(r)
			if err != nil {
				return err
			}
			source.UpdateAllowed = true
			info, err := scan.Update(ctx, source, r.Now())
			giveBackDatabase(r, source)
			if err != nil {
				return err
			}
			return tellDatabase(r, info)
		},
	}
}

// DatabaseImport puts a database where an update would put it.
func DatabaseImport() *step.Spec {
	return &step.Spec{
		Name:    "database import",
		Summary: "Put an advisory database that was carried here where scan-gate looks for it",
		Prose: `Takes an archive (.tar.gz, .tar.zst), a vulnerability.db, or a folder with one or with a latest.json, checks it, and puts it in the place that database update fills, whatever was there. Nothing is contacted.

With --database-key the archive has its signed latest.json beside it, and is the one that is named there.`,
		Examples: []step.Example{
			{Text: "an archive that was carried on a disk", Command: "stepseal database import advisories.tar.zst"},
		},
		Inputs:   inputs([]step.Input{required(databaseInput), databaseKeyInput, databaseAgeInput, providerAgeInput, offlineInput, configInput}, speaking),
		Argument: databaseInput,
		Run: func(ctx context.Context, r *step.Run) error {
			source, err := databaseSource(r)
			if err != nil {
				return err
			}
			got, err := scan.Import(ctx, source, r.Now())
			giveBackDatabase(r, source)
			if err != nil {
				return err
			}
			r.Note("%s, %s, is now the database in %s", got.File, got.SHA256, got.Folder)
			return tellDatabase(r, got.Info)
		},
	}
}

// giveBackDatabase lets a CI system keep what a container, which runs as root, has put into its folder.
func giveBackDatabase(r *step.Run, source scan.Source) {
	if source.GrypeDir == "" {
		return
	}
	if err := step.GiveBack(source.GrypeDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Warn("the database in %s stays root's, and may not be kept for the next run: %s", source.GrypeDir, step.Bare(err))
	}
}
