package demo

import (
	"context"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/steps"
)

// letEverythingPass gates the refused image anew, by a limit of whoever wants to sign it.
func (d *demo) letEverythingPass(ctx context.Context) error {
	return d.execute(ctx, call{spec: steps.ScanGate(), flags: map[string]string{
		"evidence": d.file("refused"), "fail-on": "never", "database": d.database(), "max-database-age": "0",
		"output-directory": d.passed()}}).unexpected("scan-gate --fail-on never", outcome.Accepted, "")
}

func (d *demo) passed() string { return filepath.Join(d.Scratch, "passed") }

// signElsewhere signs the refused image in another repository of the organisation, which may ask for tokens as well.
func (d *demo) signElsewhere(ctx context.Context) error {
	return d.impersonate(ctx, elsewhere(), "8. signed by another workflow of the same organisation", "other-workflow")
}

// signInPullRequest signs it by the workflow that is trusted, in the branch of a pull request.
func (d *demo) signInPullRequest(ctx context.Context) error {
	return d.impersonate(ctx, release().inPullRequest(7), "9. signed by the release workflow, as a pull request changed it", "pull-request")
}

// impersonate signs and attests the refused image as somebody else, who trusts himself: every signature is a good one, by
// the same Sigstore.
func (d *demo) impersonate(ctx context.Context, who identity, what, name string) error {
	ref := "shop-" + name + ":1.1"
	if _, err := d.push(ref, "1.0", d.sample.Vulnerable); err != nil {
		return err
	}
	folder := filepath.Join(d.Scratch, name)
	if _, err := d.writeTrust(folder, who.exactly()); err != nil {
		return err
	}
	err := d.execute(ctx, call{spec: steps.SignAttest(), as: who, flags: map[string]string{
		"image": d.ref(ref), "evidence": d.passed(), "config": filepath.Join(folder, "trust.yaml"),
		"output-directory": folder}}).unexpected("sign-attest as "+who.subject(), outcome.Accepted, "")
	if err != nil {
		return err
	}
	return d.attack(ctx, what, ref, name)
}
