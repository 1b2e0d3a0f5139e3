package stack

import (
	"fmt"
	"path/filepath"
)

// Part is a service whose signatures a verifier trusts.
type Part string

// The parts.
const (
	Fulcio     Part = "fulcio"
	CTLog      Part = "ctlog"
	RekorV1    Part = "rekor-v1"
	RekorV2    Part = "rekor-v2"
	Timestamps Part = "timestamps"
)

// Trust is what a verifier has of a Sigstore: files.
type Trust struct {
	Root  string          // trusted_root.json, which holds all parts
	Parts map[Part]string // certificate chains and public keys in PEM
}

// since is when the services' keys begin to hold, for the files below.
const since = "start-time=2024-01-01T00:00:00Z"

// Trust is that in this Sigstore.
func (s *Stack) Trust() Trust { return s.trustOf("") }

// TrustInAnother is that in a Sigstore of which one part is another's. Nothing of this Sigstore that rests on the part can be
// verified with it.
func (s *Stack) TrustInAnother(part Part) Trust { return s.trustOf(part) }

// SigningConfig is the path of a signing_config.json.
type SigningConfig string

// The signing configurations, by the services that vouch for the time of a signature.
const (
	WithRekorV1    SigningConfig = "rekor-v1"
	WithRekorV2    SigningConfig = "rekor-v2"   // and a timestamp, since it tells no time itself
	WithTimestamps SigningConfig = "timestamps" // and no log
	Unlogged       SigningConfig = "unlogged"   // a timestamp, of a certificate that is in no log either
)

// SigningConfig is the path of that configuration.
func (s *Stack) SigningConfig(of SigningConfig) string {
	return s.path("signing-config." + string(of) + ".json")
}

// trust writes all of it, with the keys of a second Sigstore that nobody runs.
func (s *Stack) trust() error {
	if err := s.makeKeys("another"); err != nil {
		return err
	}
	for _, another := range []Part{"", Fulcio, CTLog, RekorV1, RekorV2, Timestamps} {
		if err := s.trustedRoot(s.trustOf(another)); err != nil {
			return err
		}
	}
	for _, of := range []SigningConfig{WithRekorV1, WithRekorV2, WithTimestamps, Unlogged} {
		if err := s.signingConfig(of); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) trustOf(another Part) Trust {
	parts := map[Part]string{
		Fulcio:     "fulcio.crt",
		CTLog:      "ctlog.pub",
		RekorV1:    "rekor-v1.pub",
		RekorV2:    "rekor.pub",
		Timestamps: "timestamps.crt",
	}
	for part, name := range parts {
		parts[part] = s.public(name)
		if part == another {
			parts[part] = s.path(filepath.Join("another", "public", name))
		}
	}
	name := "trusted_root.json"
	if another != "" {
		name = "trusted_root.another-" + string(another) + ".json"
	}
	return Trust{Root: s.path(name), Parts: parts}
}

func (s *Stack) trustedRoot(of Trust) error {
	_, err := s.programs.Output(s.program("cosign"), "trusted-root", "create", "--out", of.Root,
		"--fulcio", fmt.Sprintf("url=%s,certificate-chain=%s,%s", s.url(fulcioAddress), of.Parts[Fulcio], since),
		"--ctfe", fmt.Sprintf("url=%s/ct,public-key=%s,%s", s.url(ctlogAddress), of.Parts[CTLog], since),
		"--rekor", fmt.Sprintf("url=%s,public-key=%s,%s", s.url(rekorV1Address), of.Parts[RekorV1], since),
		"--rekor", fmt.Sprintf("url=%s,public-key=%s,%s,origin=%s", s.url(rekorV2Address), of.Parts[RekorV2], since, s.origin()),
		"--tsa", fmt.Sprintf("url=%s/api/v1/timestamp,certificate-chain=%s,%s", s.url(timestampsAddress), of.Parts[Timestamps], since))
	return err
}

func (s *Stack) signingConfig(of SigningConfig) error {
	at := func(address string, version int) string {
		return fmt.Sprintf("url=%s,api-version=%d,%s,operator=stepseal", s.url(address), version, since)
	}
	fulcio := fulcioAddress
	if of == Unlogged {
		fulcio = unloggedAddress
	}
	args := []string{"signing-config", "create", "--out", s.SigningConfig(of), "--fulcio", at(fulcio, 1), "--oidc-provider", at(issuerAddress+"/"+Mail, 1)}
	rekor := map[SigningConfig]string{WithRekorV1: at(rekorV1Address, 1), WithRekorV2: at(rekorV2Address, 2)}
	if service, ok := rekor[of]; ok {
		args = append(args, "--rekor", service, "--rekor-config", "ANY")
	}
	if of != WithRekorV1 {
		args = append(args, "--tsa", at(timestampsAddress+"/api/v1/timestamp", 1), "--tsa-config", "ANY")
	}
	_, err := s.programs.Output(s.program("cosign"), args...)
	return err
}

// What the services listen at, for who is told of each by itself.
const (
	FulcioURL     = "http://" + fulcioAddress
	RekorV1URL    = "http://" + rekorV1Address
	TimestampsURL = "http://" + timestampsAddress + "/api/v1/timestamp"
)
