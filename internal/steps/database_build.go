package steps

import (
	"context"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	fromInput = step.List(step.Declaration{Name: "from", Placeholder: "PATH", Required: true,
		Usage: "advisories: OSV records (JSON, JSON lines, folders and zip archives of them, private ones too), NVD 2.0 JSON, EPSS CSV, the KEV catalogue; .gz and .zst are read too"})
	signKeyInput = step.KeyMaterial(step.Declaration{Name: "sign-key", Placeholder: "FILE", Secret: true,
		Usage: "the private key to sign latest.json with, which --database-key then checks: a cosign key, PKCS#8, EC or PKCS#1 in PEM"}, outcome.KeyUnusable, maxKey)
	toInput = step.Text(step.Declaration{Name: "to", Placeholder: "PATH", Default: "advisories.tar.zst",
		Usage: "where to write what is made: database build an archive (.tar.gz or .tar.zst) or a folder, render a folder"})
)

// DatabaseBuild makes an advisory database out of advisories.
func DatabaseBuild() *step.Spec {
	return &step.Spec{
		Name:    "database build",
		Summary: "Build an advisory database from OSV, NVD, EPSS and KEV data, and from advisories of your own",
		Prose: `Builds a Grype v6 database, which scan-gate takes with --database and grype itself with "grype db import". docs/databases.md says which records of which publishers are read, how private advisories look, and what is left out; what is left out is counted by reason.

The dates of the data are kept: a database that was built today from old data is old.`,
		Examples: []step.Example{
			{Text: "from folders", Command: "stepseal database build --from advisories/ghsa --from advisories/kev.json --to advisories.tar.zst"},
			{Text: "signed, for a mirror that nobody has to trust", Command: "stepseal database build --from advisories --to mirror/advisories.tar.zst --sign-key publisher.key"},
		},
		Inputs: inputs([]step.Input{fromInput, toInput, signKeyInput, keyPasswordInput}, speaking),
		Run: func(ctx context.Context, r *step.Run) error {
			options := scan.BuildOptions{Inputs: fromInput.Of(r), Output: toInput.Of(r), WorkDir: r.Scratch, Built: r.Now()}
			if pem := signKeyInput.Of(r); pem.Given() {
				key, err := signing.LoadKey(pem.Content, keyPasswordInput.Of(r).Reveal())
				if err != nil {
					return named(pem.In("--sign-key"), err)
				}
				options.Sign = key.SignBlob
			}
			built, err := scan.Build(ctx, options)
			if err != nil {
				return err
			}
			for _, p := range built.Database.Providers {
				r.Note("%-24s newest of %s", p.Name, p.Captured.Format(time.DateOnly))
			}
			r.Note("wrote %s, %s: %s", toInput.Of(r), built.SHA256, built.Summary)
			return nil
		},
	}
}
