package demo

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

// trustFile is the config file of whoever trusts one identity: its subject, and the repository that it builds.
const trustFile = `# Whom this demo trusts, and what an image must carry. The Sigstore in sandbox/ was that of one run of the demo: it is not
# persistent, and nobody monitors it.
version: 1
trust:
  authorities:
    sandbox: {trusted-root: sandbox/trusted_root.json, signing-config: sandbox/signing_config.json}
  signers:
    release:
      authority: sandbox
      issuer: https://token.actions.githubusercontent.com
      %s
  evidence:
    signature: {}
    sbom: {binding: true}
    scan: {max-age: 7d}
  sign-with: sandbox
`

// identity is a job of GitHub Actions, as its token tells who it is.
type identity struct{ claims map[string]any }

// release is the job of a made-up organisation that signs what it ships.
func release() identity {
	return identity{sigstoretest.GitHub("acme/shop", ".github/workflows/release.yml", "refs/heads/main")}
}

// elsewhere is a job of another repository of the same organisation.
func elsewhere() identity {
	return identity{sigstoretest.GitHub("acme/website", ".github/workflows/publish.yml", "refs/heads/main")}
}

// inPullRequest is the same workflow as a pull request changed it.
// https://docs.github.com/en/actions/reference/security/oidc#filtering-for-pull_request-events
func (i identity) inPullRequest(number int) identity {
	repository, ref := i.claims["repository"].(string), fmt.Sprintf("refs/pull/%d/merge", number)
	workflow, _, _ := strings.Cut(i.claims["workflow_ref"].(string), "@")
	claims := maps.Clone(i.claims)
	maps.Copy(claims, map[string]any{
		"sub": "repo:" + repository + ":pull_request", "event_name": "pull_request", "head_ref": "faster", "base_ref": "main", "ref": ref,
		"ref_protected": "false", "workflow_ref": workflow + "@" + ref, "job_workflow_ref": workflow + "@" + ref,
	})
	return identity{claims}
}

// subject is the name in the certificate.
func (i identity) subject() string {
	return fmt.Sprint("https://github.com/", i.claims["job_workflow_ref"])
}

// exactly trusts this job and no other.
func (i identity) exactly() string {
	return fmt.Sprintf("subject: %s\n      source-repository: https://github.com/%s", i.subject(), i.claims["repository"])
}

// anyOfAcme trusts whoever can push to any repository of the organisation.
const anyOfAcme = `subject-pattern: '^https://github\.com/acme/.*$'`

// trust writes whom the makers of the shop trust, and shows it.
func (d *demo) trust(context.Context) error {
	whom := release().exactly()
	if d.sample.Careless {
		whom = anyOfAcme
	}
	written, err := d.writeTrust(d.folder, whom)
	if err != nil {
		return err
	}
	_, signers, _ := bytes.Cut(written, []byte("signers:\n"))
	signers, _, _ = bytes.Cut(signers, []byte("  evidence:"))
	d.say("\n2. trust: %s says whose word counts", d.trustSection())
	for line := range bytes.Lines(signers) {
		d.say("%s", bytes.TrimSuffix(line[1:], []byte("\n")))
	}
	d.say("   acme is made up: the tokens say what GitHub's say, but the sandbox's own issuer signs them")
	return nil
}

// writeTrust writes a config file into the folder, with the files that it names.
func (d *demo) writeTrust(folder, whom string) ([]byte, error) {
	config := fmt.Appendf(nil, trustFile, whom)
	for name, content := range map[string][]byte{
		"trust.yaml":                  config,
		"sandbox/trusted_root.json":   d.sandbox.TrustedRoot(),
		"sandbox/signing_config.json": d.sandbox.SigningConfig(sigstoretest.Rekor, sigstoretest.TimestampAuthority),
	} {
		if err := d.WriteFile(filepath.Join(folder, filepath.FromSlash(name)), content); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func (d *demo) trustSection() string { return d.file("trust.yaml") }
