package sigstore

import (
	"path/filepath"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// What sign-attest stores in both formats, readers of each find, the scan too. Run again, it adds nothing.
func TestStepsealSignsInEveryFormat(t *testing.T) {
	evidence := judged(newUser(t))
	for _, how := range append([]way{{stack.WithRekorV1, "both"}, {stack.WithTimestamps, "both"}}, ways...) {
		for where, referrers := range registries {
			t.Run(how.String()+" in "+where, func(t *testing.T) {
				u, ref := newUser(t), pushed(t, referrers)
				signs := func() ended {
					return stepseal{}.run(u, []string{"STEPSEAL_IDENTITY_TOKEN_FILE=" + u.file("token", token(t, stack.GitHub, issuer.GitHub(workflow, "")))},
						"sign-attest", "--image", ref, "--evidence", evidence, "--config", signs(how).file(u, "sign.yaml"))
				}
				signs().accepted(t)
				before := everythingIn(t, ref)
				signs().accepted(t)
				if after := everythingIn(t, ref); after != before {
					t.Errorf("the second time it adds %d", after-before)
				}
				stepseal{}.demands(newUser(t), ref, how, everything).accepted(t)
				for _, reading := range how.formats() {
					stepseal{}.demands(newUser(t), ref, reading, everything).accepted(t)
					for verifying, folder := range map[string]*string{"cosign": &made.services, "cosign with our libraries": &made.tools} {
						t.Run(verifying+" reads "+reading.format, func(t *testing.T) { cosign{folder}.reading(t, verifying, ref, how, reading) })
					}
				}
			})
		}
	}
}

// reading verifies what stepseal stored.
func (c cosign) reading(t *testing.T, name, ref string, stored, reading way) {
	asks := func() ended {
		u := newUser(t)
		return c.verifies(u, ref, reading, release()).and(t, c.verifiesType(u, ref, reading, release(), "vuln"))
	}
	if stored.format == "both" && reading.format == "legacy" {
		// Where there are bundles, this cosign reads those alone, whatever it is told, and wants the trusted root for them.
		asks().refused(t, "may only be provided using --trusted-root")
		ref = onlyTags(t, ref)
	}
	if grounds, ok := apart[pair{"stepseal", name, reading}]; ok {
		asks().refused(t, grounds)
		return
	}
	asks().accepted(t)
}

// formats are those that a way stores in.
func (w way) formats() []way {
	if w.format == "both" {
		return []way{{w.config, "bundle"}, {w.config, "legacy"}}
	}
	return []way{w}
}

// judged is the folder with the evidence of the image that all these tests push, by steps of their own.
func judged(u user) string {
	u.t.Helper()
	stepseal{}.run(u, nil, "generate-sbom", "--image", pushed(u.t, registrytest.ReferrersOn)).accepted(u.t)
	stepseal{}.run(u, nil, "scan-gate", "--evidence", "stepseal-out", "--database", made.database, "--max-database-age", "0", "--fail-on", "never").accepted(u.t)
	return filepath.Join(u.dir, "stepseal-out")
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
			stepseal{}.demands(u, ref, how, everything).refused(t, `\[sbom-unbound\](?s:.*)the scan was made by another tool and holds no verdict`)
			stepseal{}.demands(u, ref, how, "{scan: {}}").refused(t, `\[scan-without-verdict\]`)
		})
	}
}
