package steps

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// Version says which stepseal this is, and what is linked into it.
func Version() *step.Spec {
	return &step.Spec{
		Name:     "version",
		Summary:  "Say which stepseal this is, and what is linked into it",
		Prose:    `Prints the version, the commit, the Go version, and the versions of Syft, Grype, cosign and sigstore-go that are linked in.`,
		Examples: []step.Example{{Text: "as text", Command: "stepseal version"}},
		Inputs:   inputs(speaking),
		Run: func(_ context.Context, r *step.Run) error {
			info, _ := debug.ReadBuildInfo()
			if _, err := r.Stdout.Write([]byte(versionText(r.Version, cmp.Or(r.Revision, commit(info)), info))); err != nil {
				return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
			}
			return nil
		},
	}
}

func versionText(version, revision string, info *debug.BuildInfo) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "stepseal\t%s\ncommit\t%s\ngo\t%s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, module := range []string{"github.com/anchore/syft", "github.com/anchore/grype", "github.com/sigstore/cosign/v2", "github.com/sigstore/sigstore-go"} {
		fmt.Fprintf(w, "%s\t%s\n", strings.TrimSuffix(module[strings.Index(module, "/")+1:], "/v2"), linked(info, module))
	}
	w.Flush()
	return b.String()
}

// commit is what the Go tool recorded; go run and builds outside a checkout record none.
func commit(info *debug.BuildInfo) string {
	revision, modified := "unknown", ""
	if info == nil {
		return revision
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (changed)"
		}
	}
	return revision + modified
}

func linked(info *debug.BuildInfo, module string) string {
	if info != nil {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return dep.Version
			}
		}
	}
	return "unknown"
}
