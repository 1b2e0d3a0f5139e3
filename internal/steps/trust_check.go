package steps

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

// TrustCheck reads a trust section with all files that it names, and says whom it trusts with what.
func TrustCheck() *step.Spec {
	return &step.Spec{
		Name:    "trust check",
		Summary: "Check the trust section of a config file, and say whom it trusts with what",
		Prose: `Reads the trust section of the file that --config names, and every trusted root, signing config, key and certificate that it names, as sign-attest and verify would. Mistakes are named by line and column, or by the file. Nothing is contacted: what would come by TUF, and a key that only a key service has, is not looked at.

The section counts in a file that is named alone: .stepseal.yaml in the working directory may be part of what is to be verified.`,
		Examples: []step.Example{
			{Text: "before it is rolled out", Command: "stepseal trust check --config trust.yaml"},
		},
		Inputs:     inputs([]step.Input{required(configInput)}, speaking),
		Structures: []step.Declaration{trustStructure.Declaration()},
		Run: func(ctx context.Context, r *step.Run) error {
			section := trustStructure.Of(r)
			if len(section.Authorities) == 0 {
				return noTrustSection(r)
			}
			if err := checkTrust(ctx, r, section); err != nil {
				return err
			}
			if _, err := io.WriteString(r.Stdout, trustText(section)); err != nil {
				return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
			}
			return nil
		},
	}
}

// checkTrust reads every file that the section names, those too that no signer needs, and tells of all that cannot be used.
func checkTrust(ctx context.Context, r *step.Run, section trust.Section) error {
	files := newReader(r)
	var wrong []*outcome.Error
	for _, a := range section.Authorities {
		if err := files.checkAuthority(ctx, a); err != nil {
			wrong = append(wrong, outcome.Of(err))
		}
	}
	switch len(wrong) {
	case 0:
		_, err := files.trust(ctx, section)
		return err
	case 1:
		return wrong[0]
	}
	all := outcome.New(wrong[0].Reason, "%d authorities of %s cannot be used", len(wrong), r.ConfigName())
	for _, err := range wrong {
		all.With(plainUpTo(err.Error(), maxLine))
	}
	return all
}

func (f *resolver) checkAuthority(ctx context.Context, a trust.Authority) error {
	var err error
	if a.Source.Keyless() {
		_, err = f.sigstore(ctx, a)
	} else {
		_, err = f.key(ctx, a)
	}
	if err != nil || a.SigningConfig == "" {
		return err
	}
	_, err = f.servicesOf(ctx, a)
	return err
}

func trustText(section trust.Section) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, a := range section.Authorities {
		fmt.Fprintf(w, "authority\t%s\t%s\n", a.Name, plain(authorityText(a)))
	}
	for _, s := range section.Signers {
		fmt.Fprintf(w, "signer\t%s\t%s\n", s.Name, plain(signerText(s)))
	}
	for _, d := range section.Evidence {
		fmt.Fprintf(w, "evidence\t%s\t%s\n", d.Kind, plain(demandText(section, d)))
	}
	fmt.Fprintf(w, "sign-with\t%s\t\n", cmp.Or(section.SignWith, "a key, which --key names"))
	fmt.Fprintf(w, "signature-format\t%s\t\n", cmp.Or(section.Format, "any"))
	w.Flush()
	return b.String()
}

func authorityText(a trust.Authority) string {
	parts := []string{strings.TrimSpace(string(a.Source) + " " + a.Value)}
	if a.TUFRoot != "" {
		parts = append(parts, "checked by "+a.TUFRoot)
	}
	if a.PublicKey != "" {
		parts = append(parts, "whose public half is "+a.PublicKey)
	}
	if a.SigningConfig != "" {
		parts = append(parts, "signs by "+a.SigningConfig)
	}
	if a.WithoutCTLog {
		parts = append(parts, "no certificate transparency")
	}
	if a.WithoutLog {
		parts = append(parts, "no transparency log")
	}
	if a.TimestampAuthority != "" {
		parts = append(parts, "timestamps by "+a.TimestampAuthority)
	}
	return strings.Join(parts, ", ")
}

func signerText(s trust.Signer) string {
	parts := []string{"by " + s.Authority}
	for _, want := range s.Identity() {
		parts = append(parts, string(want.Claim)+" "+want.Pattern.String())
	}
	if len(s.MaySign) > 0 {
		parts = append(parts, "may sign "+kindsText(s.MaySign))
	}
	return strings.Join(parts, ", ")
}

func kindsText(kinds []trust.Kind) string {
	var words []string
	for _, k := range kinds {
		words = append(words, string(k))
	}
	return strings.Join(words, " and ")
}

func demandText(section trust.Section, d trust.Demand) string {
	var names []string
	for _, s := range section.Of(d) {
		names = append(names, s.Name)
	}
	parts := []string{"by " + strings.Join(names, " or ")}
	if d.Threshold > 1 {
		parts = append(parts, fmt.Sprintf("by %d of them", d.Threshold))
	}
	if d.MaxAge > 0 {
		parts = append(parts, "not older than "+d.MaxAge.String())
	}
	if d.Binding {
		parts = append(parts, "saying which image it describes")
	}
	for _, list := range []struct {
		what  string
		texts []string
	}{{"judged by", d.Policies}, {"built by", d.Builders}, {"verified by", d.Verifiers}} {
		if len(list.texts) > 0 {
			parts = append(parts, list.what+" "+strings.Join(list.texts, " or "))
		}
	}
	return strings.Join(parts, ", ")
}
