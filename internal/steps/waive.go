package steps

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/policyfile"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	waivedInput = step.Text(step.Declaration{Name: "id", Placeholder: "ID",
		Usage: "the vulnerability: CVE, GHSA or another name of it; or denied-package, denied-license, missing-license, minimum-elements"})
	waivedPackageInput = step.Parsed(step.Declaration{Name: "package", Placeholder: "PACKAGE", Required: true,
		Usage: "in which package, by name or package URL; * stands for any characters"}, policy.ParsePattern)
	waivedImageInput = step.Text(step.Declaration{Name: "image", Placeholder: "PATTERN",
		Usage: "in which images alone, such as registry.example.com/team/*"})
	waivedPathInput = step.Text(step.Declaration{Name: "path", Placeholder: "PATTERN",
		Usage: "in which places of the image alone, such as /app/test/*"})
	waivedReasonInput = step.Text(step.Declaration{Name: "reason", Placeholder: "TEXT", Required: true,
		Usage: "why it is accepted"})
	waivedOwnerInput = step.Text(step.Declaration{Name: "owner", Placeholder: "WHO", Required: true,
		Usage: "who answers for it"})
	waivedExpiresInput = step.Text(step.Declaration{Name: "expires", Placeholder: "DAY", Required: true,
		Usage: "the last day on which it holds, such as 2027-03-31, or in how long that is: 90d"})
)

// Waive adds a waiver to the config file.
func Waive() *step.Spec {
	what := waivedInput.AsRequired()
	return &step.Spec{
		Name:    "waive",
		Summary: "Accept a finding for a time, with a reason and an owner",
		Prose: `Adds a waiver to .stepseal.yaml, or to the file that --config names, and leaves the rest of the file as it is. The gate then accepts the finding until that day; afterwards it counts again, and the report says so.

Everything but --image and --path is needed: a waiver that nobody answers for, or that never ends, is not written.`,
		Examples: []step.Example{
			{Text: "a vulnerability in one package for three months", Command: `stepseal waive CVE-2021-44228 --package log4j-core --reason "lookups are turned off" --owner team-payments --expires 90d`},
		},
		Inputs:      inputs([]step.Input{what, waivedPackageInput, waivedImageInput, waivedPathInput, waivedReasonInput, waivedOwnerInput, waivedExpiresInput, configInput}, speaking),
		Argument:    what,
		LocalConfig: true,
		Run: func(_ context.Context, r *step.Run) error {
			last, err := lastDay(waivedExpiresInput.Of(r), r.Now())
			if err != nil {
				return err
			}
			w := policy.Waiver{ID: waivedInput.Of(r), Package: waivedPackageInput.Of(r), Images: waivedImageInput.Of(r), Path: waivedPathInput.Of(r),
				Reason: waivedReasonInput.Of(r), Owner: waivedOwnerInput.Of(r), Expires: last}
			return addWaiver(r, cmp.Or(configInput.Of(r), step.ConfigFile), w)
		},
	}
}

func lastDay(text string, now time.Time) (policy.Day, error) {
	today := policy.DayOf(now)
	day, err := policy.ParseDay(text)
	if length, wrong := step.ParseDuration(text); wrong == nil {
		day, err = today.Add(int(length/(24*time.Hour))), nil
	}
	switch {
	case err != nil:
		return "", outcome.New(outcome.InvalidInput, "--expires: %v", err).Hint("name a day, 2027-03-31, or a time from now, 90d")
	case day < today:
		return "", outcome.New(outcome.InvalidInput, "--expires: %s is past", day)
	}
	return day, nil
}

func addWaiver(r *step.Run, file string, w policy.Waiver) error {
	old, err := evidence.ReadFile(file, maxPolicyFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return outcome.New(outcome.InvalidConfig, "config file %s", file).Because(err)
	}
	content, err := policyfile.Append(old, w)
	if err != nil {
		return outcome.New(outcome.InvalidConfig, "config file %s", file).Because(err)
	}
	if err := r.WriteFile(file, content); err != nil {
		return err
	}
	r.Note("%s: %s in %s is accepted until %s, which are %d days", file, w.ID, w.Package, w.Expires, policy.DayOf(r.Now()).Until(w.Expires))
	return nil
}

const maxPolicyFile = 1 << 20
