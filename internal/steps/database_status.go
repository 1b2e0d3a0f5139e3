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

// DatabaseStatus says what a database holds and how old it is.
func DatabaseStatus() *step.Spec {
	return &step.Spec{
		Name:    "database status",
		Summary: "Say what the advisory database holds, and how old it is",
		Prose:   `Prints the database's checksum, when it was built, and the date of each provider's data. Nothing is downloaded.`,
		Examples: []step.Example{
			{Text: "of a database of your own", Command: "stepseal database status --database advisories.tar.zst"},
		},
		Inputs: inputs([]step.Input{databaseInput, databaseAgeInput, providerAgeInput, databaseKeyInput, offlineInput, configInput}, speaking),
		Run: func(ctx context.Context, r *step.Run) error {
			source, err := databaseSource(r)
			if err != nil {
				return err
			}
			info, err := scan.Status(ctx, source, r.Now())
			if err != nil {
				return err
			}
			return tellDatabase(r, info)
		},
	}
}

// tellDatabase prints what the database is; one that is too old is told, and is no yes.
func tellDatabase(r *step.Run, info scan.Info) error {
	for _, note := range info.Notes {
		r.Warn("%s", note)
	}
	if _, err := r.Stdout.Write([]byte(statusText(info))); err != nil {
		return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
	}
	return info.Fresh(databaseLimits(r), r.Now())
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
