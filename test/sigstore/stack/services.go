package stack

import (
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
	unloggedAddress   = host + ":5565"
	rekorV1Address    = host + ":3000"
	rekorV2Address    = host + ":3003"
	timestampsAddress = host + ":3004"
)

func (s *Stack) trillian() programs.Program {
	return programs.Program{
		Name:  "trillian",
		Path:  s.opt.Trillian,
		Args:  []string{"-listen", trillianAddress},
		Ready: trillianAddress,
	}
}

// services are those that come after Trillian and the timestamp authority.
func (s *Stack) services() []programs.Program {
	return []programs.Program{
		s.ctlog(),
		s.fulcio("fulcio", fulcioAddress, "--grpc-port", "5554", "--metrics-port", "2114",
			"--ct-log-url", "http://"+ctlogAddress+"/ct", "--ct-log-public-key-path", s.public("ctlog.pub")),
		// Somebody who has the key of the same authority, and logs nothing.
		s.fulcio("fulcio-unlogged", unloggedAddress, "--grpc-port", "5564", "--metrics-port", "2115", "--ct-log-url="),
		s.rekorV2(),
		s.rekorV1(),
	}
}

func (s *Stack) timestamps() programs.Program {
	return programs.Program{
		Name: "timestamps",
		Path: s.program("timestamp-server"),
		Args: []string{"serve", "--host", host, "--port", port(timestampsAddress), "--disable-ntp-monitoring",
			"--timestamp-signer", "file", "--file-signer-key-path", s.secret("timestamps", "timestamps.key"),
			"--certificate-chain-path", s.public("timestamps.crt")},
		Ready: "http://" + timestampsAddress + "/api/v1/timestamp/certchain",
	}
}

func (s *Stack) ctlog() programs.Program {
	return programs.Program{
		Name:  "ctlog",
		Path:  s.program("ct_server"),
		Args:  []string{"-log_config", s.path("ctlog.cfg"), "-log_rpc_server", trillianAddress, "-http_endpoint", ctlogAddress},
		Ready: "http://" + ctlogAddress + "/ct/ct/v1/get-roots",
	}
}

func (s *Stack) fulcio(name, address string, more ...string) programs.Program {
	return programs.Program{
		Name: name,
		Path: s.program("fulcio"),
		Args: append([]string{"serve", "--host", host, "--port", port(address), "--grpc-host", host,
			"--legacy-unix-domain-socket", s.path(name + ".sock"),
			"--config-path", s.path("fulcio.yaml"), "--config", s.secret("fulcio", "serve.yaml"),
			"--ca", "fileca", "--fileca-cert", s.public("fulcio.crt"), "--fileca-key", s.secret("fulcio", "fulcio.key"), "--fileca-watch=false"},
			more...),
		Ready: "http://" + address + "/api/v2/trustBundle",
	}
}

func (s *Stack) rekorV2() programs.Program {
	return programs.Program{
		Name: "rekor-v2",
		Path: s.program("rekor-tiles"),
		// The host name is the checkpoints' origin, by which clients find the key.
		Args: []string{"serve", "--http-address", host, "--http-port", port(rekorV2Address), "--grpc-address", host, "--grpc-port", "3013",
			"--http-metrics-port", "2113", "--hostname", s.origin(),
			"--storage-dir", s.path("rekor-v2"), "--signer-filepath", s.secret("rekor", "rekor.key"),
			"--checkpoint-interval", "100ms", "--batch-max-age", "20ms"},
		Ready: "http://" + rekorV2Address + "/healthz",
	}
}

func (s *Stack) rekorV1() programs.Program {
	return programs.Program{
		Name: "rekor-v1",
		Path: s.program("rekor-server"),
		Args: []string{"serve", "--rekor_server.address", host, "--rekor_server.hostname", "rekor.local", "--port", port(rekorV1Address),
			"--trillian_log_server.address", host, "--trillian_log_server.port", port(trillianAddress),
			"--rekor_server.signer", s.secret("rekor", "rekor-v1.key"),
			"--enable_retrieve_api=false", "--enable_attestation_storage=false", // what wants Redis and a bucket
			"--enabled_api_endpoints", "getLogInfo,getPublicKey,getLogProof,createLogEntry,getLogEntryByIndex,getLogEntryByUUID,searchLogQuery"},
		Ready: "http://" + rekorV1Address + "/api/v1/log",
	}
}

func port(address string) string { return strings.TrimPrefix(address, host+":") }
