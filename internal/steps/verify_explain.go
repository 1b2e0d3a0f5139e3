package steps

import (
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
)

// explainedVerification tells a person what a verification asked for, what it found, why that is enough or not, and what to do.
func explainedVerification(v signing.Verification, config string) string {
	e := &explanation{}
	e.row("image", "%s", v.Image)
	if v.Index != "" && v.Index != v.Digest {
		e.row("of index", "%s", v.Index)
	}
	e.row("checked", "at %s, by %s", v.VerifiedAt, ruledBy(config))
	e.rule(v.Rule)
	e.row("verdict", "%s", verdictText(v))
	e.requirements("", v.Image, v.Requirements)
	for _, p := range v.Platforms {
		e.requirements(p.Platform+" ", v.Image, p.Requirements)
	}
	for _, note := range v.Notes {
		e.row("passed over", "%s", note)
	}
	return e.String()
}

type explanation struct{ strings.Builder }

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

func (e *explanation) requirements(of, image string, list []signing.Requirement) {
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
			e.row("  do", "%s", nextStep(r, image))
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

// nextStep is the command that mends it where there is one, and else what the table of reasons says.
func nextStep(r signing.Requirement, image string) string {
	switch r.Reason {
	case outcome.SignatureMissing, outcome.AttestationMissing:
		return "run stepseal secure-image --image " + image + " where the image is built, or stepseal sign-attest with the evidence of an earlier scan; if it ran, its login may not have been allowed to write here"
	case outcome.ScanTooOld:
		return "scan it again: stepseal scan-gate --image " + image + ", and then stepseal sign-attest --evidence stepseal-out"
	}
	return r.Reason.Hint()
}
