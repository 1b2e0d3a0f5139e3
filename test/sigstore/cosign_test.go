package sigstore

import (
	"path/filepath"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// cosign is the command line that others sign and verify with.
type cosign struct{ folder *string }

func (c cosign) secures(u user, ref string, how way, token string) ended {
	signs := append([]string{"--yes", "--identity-token", token}, c.signs(how)...)
	sbom := u.file("sbom.cdx.json", `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}`)
	signed := c.run(u, running.Trust(), append([]string{"sign", ref}, signs...)...)
	return signed.and(u.t, c.run(u, running.Trust(), append([]string{"attest", "--type", "cyclonedx", "--predicate", sbom, ref}, signs...)...))
}

func (c cosign) signs(how way) []string {
	if how.format == "bundle" {
		return []string{"--new-bundle-format", "--trusted-root", running.Trust().Root, "--signing-config", running.SigningConfig(how.config)}
	}
	services := []string{"--new-bundle-format=false", "--fulcio-url", stack.FulcioURL}
	if how.config == stack.WithTimestamps {
		return append(services, "--tlog-upload=false", "--timestamp-server-url", stack.TimestampsURL)
	}
	return append(services, "--rekor-url", stack.RekorV1URL)
}

func (c cosign) verifies(u user, ref string, how way, trusting trust) ended {
	signature := c.run(u, trusting.sigstore, append([]string{"verify", ref}, c.trusts(how, trusting)...)...)
	return signature.and(u.t, c.verifiesType(u, ref, how, trusting, "cyclonedx"))
}

// verifiesType asks for an attestation of that type.
func (c cosign) verifiesType(u user, ref string, how way, trusting trust, kind string) ended {
	return c.run(u, trusting.sigstore, append([]string{"verify-attestation", "--type", kind, ref}, c.trusts(how, trusting)...)...)
}

func (c cosign) trusts(how way, trusting trust) []string {
	flags := append([]string{"--certificate-identity", trusting.subject, "--certificate-oidc-issuer", trusting.issuer}, c.reads(how, trusting.sigstore)...)
	if trusting.withoutCTLog {
		flags = append(flags, "--insecure-ignore-sct")
	}
	return flags
}

func (c cosign) reads(how way, sigstore stack.Trust) []string {
	var flags []string
	if how.format == "bundle" {
		flags = []string{"--new-bundle-format", "--trusted-root", sigstore.Root}
	} else {
		flags = []string{"--rekor-url", stack.RekorV1URL, "--timestamp-certificate-chain", sigstore.Parts[stack.Timestamps]}
	}
	switch how.config {
	case stack.WithRekorV2:
		flags = append(flags, "--use-signed-timestamps")
	case stack.WithTimestamps, stack.Unlogged:
		flags = append(flags, "--use-signed-timestamps", "--insecure-ignore-tlog")
	}
	return flags
}

// run says by variables whom to trust where the options cannot: of an attestation of the legacy kind.
func (c cosign) run(u user, sigstore stack.Trust, args ...string) ended {
	u.t.Helper()
	return u.run(filepath.Join(*c.folder, "cosign"), []string{
		"SIGSTORE_ROOT_FILE=" + sigstore.Parts[stack.Fulcio],
		"SIGSTORE_CT_LOG_PUBLIC_KEY_FILE=" + sigstore.Parts[stack.CTLog],
		"SIGSTORE_REKOR_PUBLIC_KEY=" + sigstore.Parts[stack.RekorV1],
	}, args...)
}

func (cosign) grounds(of refusal, how way) string {
	if grounds, ok := cosignGrounds["both"][of]; ok {
		return grounds
	}
	return cosignGrounds[how.format][of]
}

// cosignGrounds are what cosign says, by the format.
var cosignGrounds = map[string]map[refusal]string{
	"both": {
		expiredToken:  "Fulcio returned 400: .*identity token",
		otherAudience: "Fulcio returned 400: .*identity token",
		unknownIssuer: "Fulcio returned 400: .*identity token",
		foreignKey:    "Fulcio returned 400: .*identity token",
	},
	"bundle": {
		unsigned:     "no valid bundles exist in registry",
		ofAnother:    "provided artifact digest does not match any digest in statement",
		otherSubject: "expected SAN value .*heads/other., got .*heads/main",
		otherIssuer:  "expected issuer value .*stranger., got .*github",
		otherFulcio:  "leaf certificate verification failed",
		otherCTLog:   "only able to verify 0 SCT entries; unable to meet threshold of 1",
		unlogged:     "only able to verify 0 SCT entries; unable to meet threshold of 1",
		otherLog:     "not enough verified log entries from transparency log: 0 < 1",
		otherTime:    "threshold not met for verified signed timestamps: 0 < 1",
		notLogged:    "not enough verified log entries from transparency log: 0 < 1",
		notStamped:   "threshold not met for verified signed timestamps: 0 < 1",
	},
	"legacy": {
		unsigned:     "no signatures found|no matching attestations",
		ofAnother:    "invalid or missing digest in claim|no matching subject digest found",
		otherSubject: "none of the expected identities matched what was in the certificate",
		otherIssuer:  "none of the expected identities matched what was in the certificate",
		otherFulcio:  "certificate signed by unknown authority",
		otherCTLog:   "ctfe public key not found",
		otherLog:     "rekor log public key not found for payload",
		otherTime:    "unable to verify RFC3161 timestamp bundle: .*(certificate signed by unknown authority|does not match the provided TSA certificate|No certificate for signer)",
		notLogged:    "signature not found in transparency log",
		// Without a timestamp it asks whether the certificate holds now, which it does for ten minutes.
		// https://github.com/sigstore/cosign/blob/v2.6.5/pkg/cosign/verify.go#L926
		notStamped: accepts,
	},
}
