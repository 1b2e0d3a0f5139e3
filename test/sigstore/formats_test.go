package sigstore

import (
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// What sign-attest stores in both formats, readers of each find, the scan too. Run again, it adds nothing.
func TestStepsealSignsInEveryFormat(t *testing.T) {
	for _, how := range append([]way{{stack.WithRekorV1, "both"}, {stack.WithTimestamps, "both"}}, ways...) {
		for where, referrers := range registries {
			t.Run(how.String()+" in "+where, func(t *testing.T) {
				u, ref := newUser(t), pushed(t, referrers)
				given := u.file("token", token(t, stack.GitHub, issuer.GitHub(workflow, "")))
				stepseal{}.attests(u, ref, how, given).accepted(t)
				stepseal{}.attests(u, ref, how, given).refused(t, accepts)
				stepseal{}.demands(newUser(t), ref, how, everything).accepted(t)
				for _, reading := range how.formats() {
					stepseal{}.demands(newUser(t), ref, reading, "{signature: {}}").accepted(t)
					for verifying, folder := range map[string]*string{"cosign": &made.services, "cosign with our libraries": &made.tools} {
						t.Run(verifying+" reads "+reading.format, func(t *testing.T) {
							c, u := cosign{folder}, newUser(t)
							ended := c.verifies(u, ref, reading, release()).and(t, c.verifiesType(u, ref, reading, release(), "vuln"))
							if grounds, ok := apart[pair{"stepseal", verifying, reading}]; ok {
								ended.refused(t, grounds)
								return
							}
							ended.accepted(t)
						})
					}
				}
			})
		}
	}
}

// formats are those that a way stores in.
func (w way) formats() []way {
	if w.format == "both" {
		return []way{{w.config, "bundle"}, {w.config, "legacy"}}
	}
	return []way{w}
}

// attests is sign-attest on the evidence of a scan in a step of its own.
func (s stepseal) attests(u user, ref string, how way, token string) ended {
	u.t.Helper()
	s.run(u, nil, "generate-sbom", "--image", ref).accepted(u.t)
	s.run(u, nil, "scan-gate", "--evidence", "stepseal-out", "--database", made.database, "--max-database-age", "0", "--fail-on", "never").accepted(u.t)
	return s.run(u, []string{"STEPSEAL_IDENTITY_TOKEN_FILE=" + token}, "sign-attest", "--evidence", "stepseal-out", "--config", signs(how).file(u, "sign.yaml"))
}

// demands verifies by a section that demands this of the release workflow.
func (s stepseal) demands(u user, ref string, how way, evidence string) ended {
	u.t.Helper()
	of := release()
	named := section{sigstore: of.sigstore, how: how, evidence: evidence, signers: []signer{{{"issuer", of.issuer}, {"subject", of.subject}}}}
	return s.run(u, nil, "verify", "--image", ref, "--config", named.file(u, "verify.yaml"))
}

// A scan that cosign attests has no verdict, so that nothing can be decided by it.
func TestStepsealAndAScanThatCosignAttests(t *testing.T) {
	for name, c := range map[string]cosign{"cosign": {&made.services}, "cosign with our libraries": {&made.tools}} {
		t.Run(name, func(t *testing.T) {
			u, ref, how := newUser(t), pushed(t, registrytest.ReferrersOn), way{stack.WithTimestamps, "bundle"}
			u.released(c, ref, how).accepted(t)
			scan := u.file("scan.json", `{"invocation":{},"scanner":{"uri":"pkg:github/anchore/grype","db":{},"result":{"matches":[]}},`+
				`"metadata":{"scanStartedOn":"2026-01-01T00:00:00Z","scanFinishedOn":"2026-01-01T00:00:10Z"}}`)
			c.run(u, running.Trust(), append([]string{"attest", ref, "--type", "vuln", "--predicate", scan, "--yes", "--identity-token", "token"}, c.signs(how)...)...).accepted(t)
			stepseal{}.demands(u, ref, how, "{signature: {}, sbom: {}}").accepted(t)
			stepseal{}.demands(u, ref, how, everything).refused(t, `\[sbom-unbound\](?s:.*)scan-without-verdict|\[scan-without-verdict\]`)
			stepseal{}.demands(u, ref, how, "{scan: {}}").refused(t, `\[scan-without-verdict\]`)
		})
	}
}
