package steps

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stepseal/stepseal/internal/lifetime"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

var warnWithinInput = step.Duration(step.Declaration{Name: "warn-within", Default: "30d",
	Usage: "warn of what ends within this time"})

// TrustDoctor says what a trust section rests on, until when, and whether the services of its signing configs answer.
func TrustDoctor() *step.Spec {
	return &step.Spec{
		Name:    "trust doctor",
		Summary: "Say until when everything holds that a trust section rests on, and whether its services answer",
		Prose: `Lists every certificate, log and timestamp authority of every trusted root, every key, and every service of every signing config, with the days that each has left, the most urgent first. Each service has to have its counterpart in the trusted root, and of everything that verification demands one has to be in force now and among the services.

Every service that is in force is asked something that changes nothing there, for at most ten seconds, and says what time it has. The certificate or the key that it shows has to be one that the trusted root holds; what it shows in a form that cannot be read is neither taken for that nor for another. With --offline nothing is contacted.

It ends as accepted where all is well, with warnings of what ends within --warn-within and of clocks that are more than five minutes off; as refused (trust-expired) where something that is demanded has ended, or is not covered, or where a service signs by something that the trusted root does not hold; and as undecided (sigstore-unavailable) where a service cannot be reached. Let it run every day, where somebody reads how it ended.`,
		Examples: []step.Example{
			{Text: "every night", Command: "stepseal trust doctor --config trust.yaml --warn-within 60d"},
			{Text: "without a network", Command: "stepseal trust doctor --config trust.yaml --offline"},
		},
		Inputs:     inputs([]step.Input{required(configInput), warnWithinInput, offlineInput, insecureInput, authorityInput}, speaking),
		Structures: []step.Declaration{trustStructure.Declaration()},
		Run: func(ctx context.Context, r *step.Run) error {
			section := trustStructure.Of(r)
			if len(section.Authorities) == 0 {
				return noTrustSection(r)
			}
			list, untold, err := restsOn(ctx, r, section)
			if err != nil {
				return err
			}
			answers, err := askServices(ctx, r, list)
			if err != nil {
				return err
			}
			var authorities []lifetime.Authority
			for _, one := range list {
				authorities = append(authorities, one.Authority)
			}
			return diagnose(r, lifetime.Judge(authorities, answers, r.Now(), warnWithinInput.Of(r)), untold)
		},
	}
}

func noTrustSection(r *step.Run) error {
	return outcome.New(outcome.InvalidConfig, "%s has no trust section", r.ConfigName()).Hint("docs/trust.md shows one")
}

// examined is an authority, and what its services are held against.
type examined struct {
	lifetime.Authority
	sigstore *signing.Sigstore // nil: a key, which has no services
}

// restsOn reads every file that the section names, and what does not come in files from where it comes. Where that cannot
// be asked it is untold: that one mirror is down must not hide that another authority has ended.
func restsOn(ctx context.Context, r *step.Run, section trust.Section) (list []examined, untold []*outcome.Error, err error) {
	registry, err := newRegistry(r)
	if err != nil {
		return nil, nil, err
	}
	from := newReader(r)
	from.transport = registry.Transport()
	for _, a := range section.Authorities {
		one, err := from.authority(ctx, a)
		switch {
		case ctx.Err() != nil || err != nil && outcome.Verdict(err) != outcome.Undecided:
			return nil, nil, cmp.Or(err, ctx.Err())
		case err != nil:
			untold = append(untold, outcome.Of(err))
		default:
			list = append(list, one)
		}
	}
	return list, untold, nil
}

func (f *resolver) authority(ctx context.Context, a trust.Authority) (examined, error) {
	one := examined{Authority: lifetime.Authority{Name: a.Name}}
	if !a.Source.Keyless() {
		key, err := f.key(ctx, a)
		if err == nil {
			one.Parts = []lifetime.Part{key.Part()}
		}
		return one, err
	}
	sigstore, err := f.sigstore(ctx, a)
	if err != nil {
		return one, err
	}
	one.sigstore, one.Parts, one.Demanded = sigstore, sigstore.Parts(), sigstore.Demanded()
	name, content, err := f.signingConfig(ctx, a)
	if err != nil || content == nil {
		return one, err
	}
	one.Signs = true
	one.Services, err = signing.NamedServices(name, content)
	return one, err
}

// signingConfig is the authority's, of its file or as it is published; nil where there is none.
func (f *resolver) signingConfig(ctx context.Context, a trust.Authority) (name string, content []byte, err error) {
	switch {
	case a.SigningConfig != "":
		content, err = f.file(a, a.SigningConfig)
		return a.Name + " (" + a.SigningConfig + ")", content, err
	case a.Source.Fetched():
		of, err := f.fetched(ctx, a)
		return a.Name + " (" + mirrorOf(a) + ")", of.SigningConfig, err
	}
	return "", nil, nil
}

// askServices asks those that a signer could choose now.
func askServices(ctx context.Context, r *step.Run, authorities []examined) ([]lifetime.Answer, error) {
	if offlineInput.Of(r) {
		return nil, nil
	}
	registry, err := newRegistry(r)
	if err != nil {
		return nil, err
	}
	var all []lifetime.Answer
	for _, a := range authorities {
		services := slices.DeleteFunc(slices.Clone(a.Services), func(s lifetime.Service) bool { return !s.Usable(r.Now()) })
		if len(services) == 0 {
			continue
		}
		for _, answer := range a.sigstore.Ask(ctx, services, registry.Transport(), r.Now) {
			answer.Authority = a.Name
			all = append(all, answer)
		}
	}
	return all, ctx.Err()
}

// diagnose prints the report, and ends as it says. What has ended is told before what cannot be reached: that will not
// pass by itself.
func diagnose(r *step.Run, report lifetime.Report, untold []*outcome.Error) error {
	if _, err := io.WriteString(r.Stdout, lifetimeText(report)); err != nil {
		return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
	}
	for _, warning := range report.Warnings {
		r.Warn("%s", plainUpTo(warning, maxLine))
	}
	unavailable := report.Unavailable
	for _, err := range untold {
		unavailable = append(unavailable, err.Error())
	}
	switch {
	case len(report.Problems) > 0:
		return outcome.New(outcome.TrustExpired, "what %s rests on does not hold", r.ConfigName()).With(plainLines(slices.Concat(report.Problems, unavailable))...)
	case len(untold) == 1 && len(unavailable) == 1:
		return untold[0]
	case len(untold) > 0:
		return outcome.New(untold[0].Reason, "of %d authorities and services nothing could be told", len(unavailable)).With(plainLines(unavailable)...)
	case len(unavailable) > 0:
		return outcome.New(outcome.SigstoreUnavailable, "%d of the services cannot be reached", len(unavailable)).With(plainLines(unavailable)...)
	}
	return nil
}

// maxLine bounds a line of what others may have written.
const maxLine = 600

func plainLines(lines []string) []string {
	plain := make([]string, len(lines))
	for i, text := range lines {
		plain[i] = plainUpTo(text, maxLine)
	}
	return plain
}

func lifetimeText(report lifetime.Report) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "state\tdays\tuntil\tauthority\twhat\n")
	for _, row := range report.Rows {
		left, until := "-", "-"
		if !row.Until.IsZero() {
			left, until = strconv.Itoa(row.Days), row.Until.UTC().Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", row.State, left, until, row.Authority, plainUpTo(row.What, maxLine))
	}
	w.Flush()
	return b.String()
}
