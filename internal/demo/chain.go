package demo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/steps"
)

// refuse runs the chain on the image with the vulnerable log4j-core.
func (d *demo) refuse(ctx context.Context) error {
	began := d.Now()
	result := d.secure(ctx, "shop:1.0", "refused")
	if err := result.unexpected("secure-image of shop:1.0", outcome.Refused, outcome.Vulnerable); err != nil {
		return err
	}
	report, err := d.report("refused")
	if err != nil {
		return err
	}
	d.say("\n3. secure-image shop:1.0 (%s): REFUSED in %s\n   %d packages, %s", short(d.refused), d.since(began), report.Packages.Total, report.Counts)
	for _, f := range report.Findings {
		exploited := ""
		if f.KnownExploited {
			exploited = ", known to be exploited"
		}
		d.say("   %-9s %-20s %s %s: %s%s", f.Severity, f.ID, f.Package.Name, f.Package.Version, f.Fix, exploited)
	}
	if len(report.Findings) > 0 {
		d.say("   it lies in %s", strings.ReplaceAll(report.Findings[0].Where(), ":", "\n              in which is "))
	}
	if err := d.why(ctx, "log4j-core", "refused"); err != nil {
		return err
	}
	d.say("   not signed: the chain stopped at the %s", result.Output("stopped-at"))
	return nil
}

// why shows the way by which a package came in.
func (d *demo) why(ctx context.Context, what, folder string) error {
	var answer bytes.Buffer
	result := d.execute(ctx, call{spec: steps.Why(), stdout: &answer, flags: map[string]string{"component": what, "evidence": d.file(folder)}})
	if err := result.unexpected("why "+what, outcome.Accepted, ""); err != nil {
		return err
	}
	for line := range strings.Lines(answer.String()) {
		if way, ok := strings.CutPrefix(strings.TrimSpace(line), "image > "); ok {
			d.say("   it came in by image > %s", way)
		}
	}
	return nil
}

// accept runs the chain on the repaired image.
func (d *demo) accept(ctx context.Context) error {
	began := d.Now()
	result := d.secure(ctx, "shop:1.1", "accepted")
	if err := result.unexpected("secure-image of shop:1.1", outcome.Accepted, ""); err != nil {
		return err
	}
	report, err := d.report("accepted")
	if err != nil {
		return err
	}
	d.say("\n4. secure-image shop:1.1 (%s): ACCEPTED in %s\n   %d packages, %s", short(d.accepted), d.since(began), report.Packages.Total, report.Counts)
	d.say("   SBOM       %s", result.Output("sbom-digest"))
	d.say("   scan       %s", result.Output("scan-digest"))
	d.say("   signature  %s", result.Output("signature-digest"))
	d.say("   verified   by %s", strings.ReplaceAll(result.Output("signer"), " (", "\n              ("))
	d.say("   without a key to keep: the certificate held for minutes, and a log and a timestamp say when")
	return nil
}

func (d *demo) report(folder string) (scan.Report, error) {
	raw, err := os.ReadFile(d.file(filepath.Join(folder, "scan.json")))
	if err != nil {
		return scan.Report{}, err
	}
	return scan.ParseReport(raw)
}

// secure runs secure-image as the workflow that releases. The advisories are as old as the checkout, so their age is not
// held against them.
func (d *demo) secure(ctx context.Context, ref, folder string) result {
	return d.execute(ctx, call{spec: steps.SecureImage(), as: release(), flags: map[string]string{
		"image": d.ref(ref), "config": d.trustSection(), "platform": "linux/amd64", "database": d.database(), "max-database-age": "0",
		"output-directory": d.file(folder), "summary": d.file(filepath.Join(folder, "summary.md"))}})
}
