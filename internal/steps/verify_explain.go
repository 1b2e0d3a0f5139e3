package steps

import (
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/trust"
)

// explainedVerification tells a person what a verification asked for, what it found, why that is enough or not, and what to do.
func explainedVerification(v signing.Verification, config string, demands []trust.Demand, mend mending) string {
	e := &explanation{mend: mend}
	e.row("image", "%s", v.Image)
	if v.Index != "" && v.Index != v.Digest {
		e.row("of index", "%s", v.Index)
	}
	e.row("checked", "at %s, by %s", v.VerifiedAt, ruledBy(config))
	e.rule(v.Rule)
	e.accepted(demands)
	e.row("verdict", "%s", verdictText(v))
	e.requirements("", v.Requirements)
	for _, p := range v.Platforms {
		e.requirements(p.Platform+" ", p.Requirements)
	}
	for _, note := range v.Notes {
		e.row("passed over", "%s", note)
	}
	return e.String()
}

type explanation struct {
	strings.Builder
	mend mending
}

func (e *explanation) row(name, format string, args ...any) {
	fmt.Fprintf(e, "%-14s %s\n", plain(name), plainUpTo(fmt.Sprintf(format, args...), maxExplained))
}

// maxExplained is what is shown of one line: two identities, and what is said of them.
const maxExplained = 1500

func ruledBy(config string) string {
	if config == "" {
		return "what the inputs say"
	}
	return config
}

func verdictText(v signing.Verification) string {
	if v.Reason == "" {
		return v.Verdict
	}
	return fmt.Sprintf("%s (%s)", v.Verdict, v.Reason)
}

func (e *explanation) rule(r signing.Rule) {
	for _, key := range r.Keys {
		e.row("trusted", "whoever has the key %s", key)
	}
	for _, identity := range r.Identities {
		e.row("trusted", "%s", identity)
	}
	e.row("asked for", "%s", strings.Join(r.Require, ", "))
	for _, name := range r.Require {
		if n := r.Thresholds[name]; n > 1 {
			e.row("", "%s by %d signers", name, n)
		}
	}
	if r.MaxScanAge != "" {
		e.row("", "a scan not older than %s", r.MaxScanAge)
	}
	if len(r.AcceptedPolicies) > 0 {
		e.row("", "a scan judged by %s", strings.Join(r.AcceptedPolicies, " or "))
	}
	if r.SBOMBinding {
		e.row("", "an SBOM that says which image it describes")
	}
}

// accepted are those whose word is asked for beside that of the signers.
func (e *explanation) accepted(demands []trust.Demand) {
	for _, d := range demands {
		if len(d.Builders) > 0 {
			e.row("", "provenance of a build by %s", strings.Join(d.Builders, " or "))
		}
		if len(d.Verifiers) > 0 {
			e.row("", "a verification summary by %s", strings.Join(d.Verifiers, " or "))
		}
		if d.Kind == trust.VerificationSummary && d.MaxAge > 0 {
			e.row("", "a verification summary not older than %s", d.MaxAge)
		}
	}
}

func (e *explanation) requirements(of string, list []signing.Requirement) {
	for _, r := range list {
		e.WriteByte('\n')
		e.row(of+r.Name, "%s", requirementText(r))
		e.found(r)
		for _, line := range r.Evidence {
			e.row("  found", "%s", line)
		}
		for _, note := range r.Notes {
			e.row("  note", "%s", note)
		}
		if r.Result != signing.Trusted {
			name := "  do"
			for _, line := range e.mend.next(r) {
				e.row(name, "%s", line)
				name = ""
			}
		}
	}
}

func requirementText(r signing.Requirement) string {
	if r.Result == signing.Trusted {
		return string(r.Result)
	}
	return fmt.Sprintf("%s (%s): %s", r.Result, r.Reason, r.Message)
}

// found is what counts, or what came nearest to it.
func (e *explanation) found(r signing.Requirement) {
	if r.Signer == "" {
		return
	}
	e.row("  signed by", "%s", r.Signer)
	for _, other := range r.Signers {
		if other != r.Signer {
			e.row("  and by", "%s", other)
		}
	}
	if c := r.Certificate; c != nil {
		e.certificate(*c)
	}
	switch {
	case r.SignedAt != "":
		e.row("  signed", "at %s at the latest, by the word of a log or a timestamp authority", r.SignedAt)
	case r.Certificate == nil:
		e.row("  signed", "at a time that nobody vouches for: a key does not say when")
	}
	if r.Finished != "" {
		e.row("  scanned", "at %s, as the signer claims", r.Finished)
	}
	if r.PolicyDigest != "" {
		e.row("  judged by", "policy %s", r.PolicyDigest)
	}
	var formats []string
	for _, f := range r.Formats {
		formats = append(formats, string(f))
	}
	e.row("  stored as", "%s, %s", strings.Join(formats, " and "), r.Manifest)
	e.row("  type", "%s", r.PredicateType)
	if r.Document != "" {
		e.row("  document", "%s", r.Document)
	}
}

func (e *explanation) certificate(c signing.Certificate) {
	for _, field := range []struct{ name, value string }{
		{"repository", c.SourceRepository}, {"ref", c.SourceRef}, {"commit", c.SourceDigest}, {"started by", c.CallerWorkflow},
		{"trigger", c.Trigger}, {"run", c.RunInvocation}, {"runner", c.RunnerEnvironment}, {"certified by", c.CertificateIssuer},
	} {
		if field.value != "" {
			e.row("  "+field.name, "%s", field.value)
		}
	}
}
