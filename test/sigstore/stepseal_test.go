package sigstore

import (
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// stepseal is the product as a user has it: the program, told everything by a file and the environment.
type stepseal struct{}

func (s stepseal) secures(u user, ref string, how way, token string) ended {
	return s.run(u, []string{"STEPSEAL_IDENTITY_TOKEN_FILE=" + token}, "secure-image", "--image", ref, "--config", signs(how).file(u, "sign.yaml"),
		"--database", made.database, "--max-database-age", "0", "--fail-on", "never")
}

// signs is the section that is signed by. Who signs demands everything, so that what is written is read back.
func signs(how way) section {
	return section{sigstore: running.Trust(), how: how, withoutCTLog: how.config == stack.Unlogged, signers: everybody(), evidence: everything}
}

const everything = "{signature: {}, sbom: {binding: true}, scan: {max-age: 1d}}"

func (s stepseal) verifies(u user, ref string, how way, trusting trust) ended {
	named := section{sigstore: trusting.sigstore, how: how, withoutCTLog: trusting.withoutCTLog, evidence: "{signature: {}, sbom: {}}",
		signers: []signer{{{"issuer", trusting.issuer}, {"subject", trusting.subject}}}}
	return s.run(u, nil, "verify", "--image", ref, "--config", named.file(u, "verify.yaml"))
}

func (stepseal) run(u user, environment []string, args ...string) ended {
	u.t.Helper()
	return u.run(made.product, environment, args...)
}

// section is a trust section about one Sigstore.
type section struct {
	sigstore     stack.Trust
	how          way
	withoutCTLog bool
	signers      []signer
	evidence     string
}

// signer is a list of keys with their values.
type signer [][2]string

func (s section) file(u user, name string) string {
	u.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "version: 1\ntrust:\n  authorities:\n    lab: {trusted-root: %q, signing-config: %q, transparency-log: %t, certificate-transparency: %t}\n  signers:\n",
		s.sigstore.Root, running.SigningConfig(s.how.config), s.how.config == stack.WithRekorV1 || s.how.config == stack.WithRekorV2, !s.withoutCTLog)
	for i, one := range s.signers {
		fmt.Fprintf(&text, "    signer-%d:\n      authority: lab\n", i+1)
		for _, key := range one {
			fmt.Fprintf(&text, "      %s: %q\n", key[0], key[1])
		}
	}
	fmt.Fprintf(&text, "  evidence: %s\n  sign-with: lab\n  signature-format: %s\n", s.evidence, s.how.format)
	return u.file(name, text.String())
}

// everybody is whoever signs in these tests.
func everybody() []signer {
	var list []signer
	for _, one := range identities() {
		list = append(list, signer{{"issuer", running.Issuer.URL(one.issuer)}, {"subject", one.subject}})
	}
	return list
}

func (stepseal) grounds(of refusal, how way) string {
	if grounds, ok := stepsealGrounds["both"][of]; ok {
		return grounds
	}
	return stepsealGrounds[how.format][of]
}

// stepsealGrounds are what stepseal says, by the format: the reason, and why.
var stepsealGrounds = map[string]map[refusal]string{
	"both": {
		unsigned:      `\[signature-missing\]`,
		ofAnother:     `\[signature-untrusted\](?s:.*)is about "sha256:`,
		otherSubject:  `\[signature-untrusted\](?s:.*)subject is ".*heads/main" and not ".*heads/other"`,
		otherIssuer:   `\[signature-untrusted\](?s:.*)issuer is ".*/github" and not ".*/stranger"`,
		otherFulcio:   `\[signature-untrusted\](?s:.*)leaf certificate verification failed`,
		otherCTLog:    `\[signature-untrusted\](?s:.*)only able to verify 0 SCT entries; unable to meet threshold of 1`,
		unlogged:      `\[signature-untrusted\](?s:.*)only able to verify 0 SCT entries; unable to meet threshold of 1`,
		otherLog:      `\[signature-untrusted\](?s:.*)not enough verified log entries from transparency log: 0 < 1`,
		otherTime:     `\[signature-untrusted\](?s:.*)threshold not met for verified signed (timestamps|& log entry integrated timestamps): 0 < 1`,
		notLogged:     `\[signature-untrusted\](?s:.*)not enough verified log entries from transparency log: 0 < 1`,
		notStamped:    `\[signature-untrusted\](?s:.*)threshold not met for verified signed timestamps: 0 < 1`,
		expiredToken:  `expired at .*\[identity-token-unusable\]`,
		otherAudience: `for the audience "somebody-else".*\[identity-token-unusable\]`,
		unknownIssuer: `\[identity-refused\]`,
		foreignKey:    `\[identity-refused\]`,
	},
}
