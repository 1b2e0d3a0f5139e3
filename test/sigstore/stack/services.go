package stack

import (
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/stepseal/stepseal/test/sigstore/programs"
)

// Where everything listens. Nothing else is in the network namespace.
const (
	host              = "127.0.0.1"
	issuerAddress     = host + ":5556"
	trillianAddress   = host + ":8090"
	ctlogAddress      = host + ":6962"
	fulcioAddress     = host + ":5555"
	rekorV1Address    = host + ":3000"
	rekorV2Address    = host + ":3003"
	timestampsAddress = host + ":3004"
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

func (s *Stack) trillian() programs.Program {
	return programs.Program{
		Name:  "trillian",
		Path:  s.opt.Trillian,
		Args:  []string{"-listen", trillianAddress},
		Ready: trillianAddress,
	}
}

// services are those that Trillian is for, and the others. The timestamp authority stands first: it ends when it finds its
// port for metrics taken, and Rekor v1, which has the same one, goes on without it.
func (s *Stack) services() []programs.Program {
	return []programs.Program{{
		Name: "timestamps",
		Path: s.program("timestamp-server"),
		Args: []string{"serve", "--host", host, "--port", port(timestampsAddress), "--timestamp-signer", "file",
			"--file-signer-key-path", s.secret("timestamps", "timestamps.key"), "--certificate-chain-path", s.public("timestamps.crt"), "--disable-ntp-monitoring"},
		Ready: "http://" + timestampsAddress + "/api/v1/timestamp/certchain",
	}, {
		Name:  "ctlog",
		Path:  s.program("ct_server"),
		Args:  []string{"-log_config", s.path("ctlog.cfg"), "-log_rpc_server", trillianAddress, "-http_endpoint", ctlogAddress},
		Ready: "http://" + ctlogAddress + "/ct/ct/v1/get-roots",
	}, {
		Name: "fulcio",
		Path: s.program("fulcio"),
		Args: []string{"serve", "--host", host, "--port", port(fulcioAddress), "--grpc-host", host, "--grpc-port", "5554", "--metrics-port", "2114",
			"--legacy-unix-domain-socket", s.path("fulcio.sock"), "--config-path", s.path("fulcio.yaml"), "--config", s.secret("fulcio", "serve.yaml"),
			"--ca", "fileca", "--fileca-cert", s.public("fulcio.crt"), "--fileca-key", s.secret("fulcio", "fulcio.key"), "--fileca-watch=false",
			"--ct-log-url", "http://" + ctlogAddress + "/ct", "--ct-log-public-key-path", s.public("ctlog.pub")},
		Ready: "http://" + fulcioAddress + "/api/v2/trustBundle",
	}, {
		Name: "rekor-v2",
		Path: s.program("rekor-tiles"),
		// The host name is the checkpoints' origin, by which clients find the key.
		Args: []string{"serve", "--http-address", host, "--http-port", port(rekorV2Address), "--grpc-address", host, "--grpc-port", "3013", "--http-metrics-port", "2113",
			"--hostname", host, "--storage-dir", s.path("rekor-v2"), "--signer-filepath", s.secret("rekor", "rekor.key"),
			"--checkpoint-interval", "100ms", "--batch-max-age", "20ms"},
		Ready: "http://" + rekorV2Address + "/healthz",
	}, {
		Name: "rekor-v1",
		Path: s.program("rekor-server"),
		Args: []string{"serve", "--rekor_server.address", host, "--rekor_server.hostname", "rekor.local", "--port", port(rekorV1Address),
			"--trillian_log_server.address", host, "--trillian_log_server.port", port(trillianAddress), "--rekor_server.signer", s.secret("rekor", "rekor-v1.key"),
			"--enable_retrieve_api=false", "--enable_attestation_storage=false", // what wants Redis and a bucket
			"--enabled_api_endpoints", "getLogInfo,getPublicKey,getLogProof,createLogEntry,getLogEntryByIndex,getLogEntryByUUID,searchLogQuery"},
		Ready: "http://" + rekorV1Address + "/api/v1/log",
	}}
}

// configure writes what the services read.
func (s *Stack) configure() error {
	if err := os.Mkdir(s.path("rekor-v2"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.path("fulcio.yaml"), []byte(s.issuers()), 0o600); err != nil {
		return err
	}
	ctlog, err := s.ctlog()
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("ctlog.cfg"), []byte(ctlog), 0o600)
}

// issuers is Fulcio's configuration.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oidc.md
func (s *Stack) issuers() string {
	text := "oidc-issuers:\n"
	for _, one := range []struct{ name, kind, more string }{
		{GitHub, "github-workflow", ""},
		{GitLab, "gitlab-pipeline", ""},
		{Kubernetes, "kubernetes", ""},
		{Mail, "email", ""},
		{Stranger, "email", ""},
		{SPIFFE, "spiffe", "    spiffe-trust-domain: " + TrustDomain + "\n"},
	} {
		text += fmt.Sprintf("  %[1]s:\n    issuer-url: %[1]s\n    client-id: sigstore\n    type: %[2]s\n%[3]s", s.Issuer.URL(one.name), one.kind, one.more)
	}
	return text
}

// ctlog is the certificate log's configuration, with a tree of its own. The key stands in it: in a file it would have to be
// encrypted in a form that Go no longer writes.
// https://github.com/google/certificate-transparency-go/blob/v1.3.3/trillian/ctfe/configpb/config.proto
func (s *Stack) ctlog() (string, error) {
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

func port(address string) string { return strings.TrimPrefix(address, host+":") }
