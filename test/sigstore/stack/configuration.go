package stack

import (
	_ "embed"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

// The names of issuers. Fulcio knows all but Unknown. Stranger certifies mail addresses as Mail does: the same subject from
// another issuer is another identity.
const (
	GitHub     = "github"
	GitLab     = "gitlab"
	Kubernetes = "kubernetes"
	Mail       = "mail"
	SPIFFE     = "spiffe"
	Stranger   = "stranger"
	Unknown    = "unknown"
)

// TrustDomain is where SPIFFE's workloads are.
const TrustDomain = "example.com"

// configure writes what the services read.
func (s *Stack) configure() error {
	if err := os.Mkdir(s.path("rekor-v2"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.path("fulcio.yaml"), []byte(s.issuers()), 0o600); err != nil {
		return err
	}
	ctlog, err := s.ctlogConfig()
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("ctlog.cfg"), []byte(ctlog), 0o600)
}

//go:embed ci-issuers.yaml
var ciIssuers string

// issuers is Fulcio's configuration.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oidc.md
func (s *Stack) issuers() string {
	text := "oidc-issuers:\n"
	for _, one := range []struct{ name, kind, more string }{
		{GitHub, "ci-provider", "    ci-provider: github-workflow\n"},
		{GitLab, "gitlab-pipeline", ""},
		{Kubernetes, "kubernetes", ""},
		{Mail, "email", ""},
		{Stranger, "email", ""},
		{SPIFFE, "spiffe", "    spiffe-trust-domain: " + TrustDomain + "\n"},
	} {
		text += fmt.Sprintf("  %[1]s:\n    issuer-url: %[1]s\n    client-id: sigstore\n    type: %[2]s\n%[3]s", s.Issuer.URL(one.name), one.kind, one.more)
	}
	if c := s.opt.Cluster; c != nil {
		text += fmt.Sprintf("  %[1]s:\n    issuer-url: %[1]s\n    client-id: sigstore\n    type: kubernetes\n    ca-cert: %[2]q\n", c.Issuer, c.Authority)
	}
	return text + ciIssuers
}

// ctlogConfig is the certificate log's configuration, with a tree of its own. The key stands in it: in a file it would have to be
// encrypted in a way that was given up long ago.
// https://github.com/google/certificate-transparency-go/blob/v1.3.3/trillian/ctfe/configpb/config.proto
func (s *Stack) ctlogConfig() (string, error) {
	tree, err := s.programs.Output(s.program("createtree"), "-admin_server", trillianAddress)
	if err != nil {
		return "", err
	}
	private, err := os.ReadFile(s.secret("ctlog", "ctlog.key"))
	if err != nil {
		return "", err
	}
	key, _ := pem.Decode(private)
	var der strings.Builder
	for _, b := range key.Bytes {
		fmt.Fprintf(&der, `\%03o`, b)
	}
	return fmt.Sprintf(`config {
  log_id: %s
  prefix: "ct"
  roots_pem_file: %q
  private_key { [type.googleapis.com/keyspb.PrivateKey] { der: "%s" } }
  ext_key_usages: "CodeSigning"
  max_merge_delay_sec: 86400
  expected_merge_delay_sec: 120
}
`, tree, s.public("fulcio.crt"), der.String()), nil
}
