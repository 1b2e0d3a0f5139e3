package signing

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/stepseal/stepseal/internal/trust"
)

// Certificate is what the certificate of a keyless signature says of the signer, all of it verified.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oid-info.md
type Certificate struct {
	Issuer             string `json:"issuer"`  // of the identity token
	Subject            string `json:"subject"` // alternative name: a workflow, a service account, a mail address
	CallerWorkflow     string `json:"callerWorkflow,omitempty"`
	SourceRepository   string `json:"sourceRepository,omitempty"`
	SourceRef          string `json:"sourceRef,omitempty"`
	SourceDigest       string `json:"sourceDigest,omitempty"`
	Trigger            string `json:"trigger,omitempty"`
	RunnerEnvironment  string `json:"runnerEnvironment,omitempty"`
	RunInvocation      string `json:"runInvocation,omitempty"`
	CertificateIssuer  string `json:"certificateIssuer,omitempty"`
	SourceVisibility   string `json:"sourceVisibility,omitempty"`
	BuildSignerDigest  string `json:"buildSignerDigest,omitempty"`
	BuildConfigDigest  string `json:"buildConfigDigest,omitempty"`
	SourceRepositoryID string `json:"sourceRepositoryID,omitempty"`
}

func newCertificate(of certificate.Summary) Certificate {
	return Certificate{
		Issuer: of.Issuer, Subject: of.SubjectAlternativeName, CallerWorkflow: of.BuildConfigURI,
		SourceRepository: of.SourceRepositoryURI, SourceRef: cmp.Or(of.SourceRepositoryRef, of.GithubWorkflowRef),
		SourceDigest: cmp.Or(of.SourceRepositoryDigest, of.GithubWorkflowSHA), Trigger: cmp.Or(of.BuildTrigger, of.GithubWorkflowTrigger),
		RunnerEnvironment: of.RunnerEnvironment, RunInvocation: of.RunInvocationURI, CertificateIssuer: of.CertificateIssuer,
		SourceVisibility: of.SourceRepositoryVisibilityAtSigning, BuildSignerDigest: of.BuildSignerDigest,
		BuildConfigDigest: of.BuildConfigDigest, SourceRepositoryID: of.SourceRepositoryIdentifier,
	}
}

// String names the identity as verifications do: by whoever issued the token, or where there was none the certificate.
func (c Certificate) String() string {
	if c.Issuer == "" {
		return printable(c.Subject) + " (certified by " + printable(c.CertificateIssuer) + ")"
	}
	return printable(c.Subject) + " (" + printable(c.Issuer) + ")"
}

// field is one thing that a signer may be known by.
type field struct {
	name string
	want trust.Pattern
	got  string
	fits bool
}

func (c Certificate) fields(of Signer) []field {
	return []field{
		{"issuer", of.Issuer, c.Issuer, c.issuedAs(of)},
		{"subject", of.Subject, c.Subject, c.subjectOf(of)},
		{"caller-workflow", of.CallerWorkflow, c.CallerWorkflow, c.calledBy(of)},
		{"source-repository", of.SourceRepository, c.SourceRepository, c.sourcedIn(of)},
		{"source-ref", of.SourceRef, c.SourceRef, c.sourcedAt(of)},
	}
}

// differs lists in what the certificate is not the signer's; none means that it is.
func (c Certificate) differs(from Signer) []string {
	var list []string
	for _, f := range c.fields(from) {
		if !f.fits {
			list = append(list, fmt.Sprintf("%s is %q and not %q", f.name, printable(f.got), f.want.String()))
		}
	}
	return list
}

// nearest says why the certificate is nobody's, by the signer who has most in common with it.
func (c Certificate) nearest(signers []*Signer) error {
	var best []string
	name := ""
	for _, s := range signers {
		if d := c.differs(*s); best == nil || len(d) < len(best) {
			best, name = d, s.Name
		}
	}
	return fmt.Errorf("it is signed by %s, whom nobody trusts; of the signer %q the %s", c, name, strings.Join(best, ", the "))
}
