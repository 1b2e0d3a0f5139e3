package sigstore

import (
	"path/filepath"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// cosign is the command line that others sign and verify with.
type cosign struct{}

func (c cosign) secures(u user, ref string, how way, token string) ended {
	signs := append([]string{"--yes", "--identity-token", token}, c.signs(how)...)
	signed := c.run(u, running.Trust(), append([]string{"sign", ref}, signs...)...)
	if signed.code != 0 {
		return signed
	}
	return c.run(u, running.Trust(), append([]string{"attest", "--type", "cyclonedx", "--predicate", u.path("sbom.cdx.json"), ref}, signs...)...)
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
	reads := append([]string{"--certificate-identity", trusting.subject, "--certificate-oidc-issuer", trusting.issuer}, c.reads(how, trusting.sigstore)...)
	signature := c.run(u, trusting.sigstore, append([]string{"verify", ref}, reads...)...)
	attestation := c.run(u, trusting.sigstore, append([]string{"verify-attestation", "--type", "cyclonedx", ref}, reads...)...)
	if (signature.code == 0) != (attestation.code == 0) {
		u.t.Errorf("the signature ends with %d, the attestation with %d:\n%s\n%s", signature.code, attestation.code, signature.said, attestation.said)
	}
	return signature
}

func (c cosign) reads(how way, sigstore stack.Trust) []string {
	var flags []string
	if how.format == "bundle" {
		flags = []string{"--new-bundle-format", "--trusted-root", sigstore.Root}
	} else if how.config != stack.WithRekorV1 {
		flags = []string{"--timestamp-certificate-chain", sigstore.Parts[stack.Timestamps]}
	}
	switch how.config {
	case stack.WithRekorV2:
		flags = append(flags, "--use-signed-timestamps")
	case stack.WithTimestamps:
		flags = append(flags, "--use-signed-timestamps", "--insecure-ignore-tlog")
	}
	return flags
}

// run says by variables whom to trust where the options cannot: of an attestation of the legacy kind.
func (cosign) run(u user, sigstore stack.Trust, args ...string) ended {
	u.t.Helper()
	return u.run(filepath.Join(made.services, "cosign"), []string{
		"SIGSTORE_ROOT_FILE=" + sigstore.Parts[stack.Fulcio],
		"SIGSTORE_CT_LOG_PUBLIC_KEY_FILE=" + sigstore.Parts[stack.CTLog],
		"SIGSTORE_REKOR_PUBLIC_KEY=" + sigstore.Parts[stack.RekorV1],
	}, args...)
}

func (cosign) grounds(of refusal, how way) string { return "TODO" }
