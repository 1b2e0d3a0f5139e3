package steps

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	fromInput = step.List(step.Declaration{Name: "from", Placeholder: "PATH", Required: true,
		Usage: "advisories: an OSV JSON file, a folder of them, JSON lines, or the KEV catalogue; .zst is read too"})
	toInput = step.Text(step.Declaration{Name: "to", Placeholder: "PATH", Default: "advisories.tar.zst",
		Usage: "where to write what is made: database build an archive (.tar.gz or .tar.zst) or a folder, render a folder"})
)

// DatabaseBuild makes an advisory database out of advisories.
func DatabaseBuild() *step.Spec {
	return &step.Spec{
		Name:    "database build",
		Summary: "Build an advisory database from OSV records and the KEV catalogue",
		Prose: `Builds a Grype v6 database, which scan-gate takes with --database and grype itself with "grype db import". GHSA, GO, PYSEC, RUSTSEC, Debian and Alpine records in OSV JSON are read, and CISA's catalogue of known exploited vulnerabilities.

The dates of the advisories are kept: a database that was built today from old data is old.`,
		Examples: []step.Example{
			{Text: "from folders", Command: "stepseal database build --from advisories/ghsa --from advisories/kev.json --to advisories.tar.zst"},
		},
		Inputs: inputs([]step.Input{fromInput, toInput}, speaking),
		Run: func(ctx context.Context, r *step.Run) error {
			built, err := scan.Build(ctx, scan.BuildOptions{Inputs: fromInput.Of(r), Output: toInput.Of(r), WorkDir: r.Scratch, Built: r.Now()})
			if err != nil {
				return err
			}
			for _, p := range built.Database.Providers {
				r.Note("%-24s newest of %s", p.Name, p.Captured.Format(time.DateOnly))
			}
			r.Note("wrote %s: %s", toInput.Of(r), built.Summary)
			return nil
		},
	}
}

// DatabaseStatus says what a database holds and how old it is.
func DatabaseStatus() *step.Spec {
	return &step.Spec{
		Name:    "database status",
		Summary: "Say what the advisory database holds, and how old it is",
		Prose:   `Prints the database's checksum, when it was built, and the date of each provider's data. Nothing is downloaded.`,
		Examples: []step.Example{
			{Text: "of a database of your own", Command: "stepseal database status --database advisories.tar.zst"},
		},
		Inputs: inputs([]step.Input{databaseInput, databaseAgeInput}, speaking),
		Run: func(ctx context.Context, r *step.Run) error {
			info, err := scan.Status(ctx, databaseSource(r), r.Now())
			if err != nil {
				return err
			}
			if _, err := r.Stdout.Write([]byte(statusText(info))); err != nil {
				return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
			}
			return info.Fresh(databaseLimits(r), r.Now())
		},
	}
}

func statusText(info scan.Info) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "checksum\t%s\nbuilt\t%s\ndata\t%s\nschema\t%s\n", info.SHA256,
		info.Built.Format(time.RFC3339), info.Date().Format(time.RFC3339), info.Schema)
	for _, p := range info.Providers {
		fmt.Fprintf(w, "provider %s\t%s\n", p.Name, p.Captured.UTC().Format(time.RFC3339))
	}
	w.Flush()
	return b.String()
}
