package signing

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-openapi/runtime"
	httptransport "github.com/go-openapi/runtime/client"
	"github.com/go-openapi/strfmt"
	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekor "github.com/sigstore/rekor/pkg/generated/client"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// patience is how long one answer of a service may take. A Rekor v2 answers when its next checkpoint is out.
const patience = 60 * time.Second

// Services are the ones that a signing_config.json names: who issues certificates, logs and stamps.
type Services struct {
	name      string
	authority root.Service
	logs      []root.Service
	stamps    []root.Service
	transport http.RoundTripper
}

// ReadSigningConfig reads a signing_config.json and chooses the services that are in force. The name is for messages.
// https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_trustroot.proto
func ReadSigningConfig(name string, content []byte, now time.Time) (Services, error) {
	unusable := func(err error) (Services, error) { return Services{}, unusableConfig(name, err) }
	config, err := readSigningConfig(name, content)
	if err != nil {
		return Services{}, err
	}
	s := Services{name: name}
	if s.authority, err = root.SelectService(config.FulcioCertificateAuthorityURLs(), sign.FulcioAPIVersions, now); err != nil {
		return unusable(errors.New("it names no certificate authority that is in force and speaks version 1 of the interface"))
	}
	if urls := config.RekorLogURLs(); len(urls) > 0 {
		if s.logs, err = root.SelectServices(urls, config.RekorLogURLsConfig(), sign.RekorAPIVersions, now); err != nil {
			return unusable(err)
		}
	}
	if urls := config.TimestampAuthorityURLs(); len(urls) > 0 {
		if s.stamps, err = root.SelectServices(urls, config.TimestampAuthorityURLsConfig(), sign.TimestampAuthorityAPIVersions, now); err != nil {
			return unusable(err)
		}
	}
	for _, service := range s.all() {
		if !isAddress(service.URL) {
			return unusable(errors.New("a service is at no http(s) address"))
		}
	}
	return s, nil
}

func readSigningConfig(name string, content []byte) (*root.SigningConfig, error) {
	if err := strictjson.Check(content, strictjson.Bounds{Bytes: maxTrustedRoot, Depth: 16, FoldKeys: true}); err != nil {
		return nil, unusableConfig(name, err)
	}
	config, err := root.NewSigningConfigFromJSON(content)
	if err != nil {
		return nil, unusableConfig(name, err)
	}
	return config, nil
}

func unusableConfig(name string, err error) error {
	return outcome.New(outcome.TrustUnusable, "signing config of %s: %s", name, printable(err.Error()))
}

func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

func (s Services) all() []root.Service {
	return slices.Concat([]root.Service{s.authority}, s.logs, s.stamps)
}

// Addresses are those of all services, each http or https.
func (s Services) Addresses() []*url.URL {
	var list []*url.URL
	for _, service := range s.all() {
		u, _ := url.Parse(service.URL) // ReadSigningConfig has parsed it
		list = append(list, u)
	}
	return list
}

// LegacyObstacle says what keeps cosign's own form from being written: it rests on the promise of a Rekor v1, or on none.
func (s Services) LegacyObstacle() error {
	for _, log := range s.logs {
		if log.MajorAPIVersion > 1 {
			return outcome.New(outcome.InvalidInput, "signing config of %s: the log %s is a Rekor v2, which cosign's .sig and .att tags have no place for", s.name, log.URL).
				Hint("sign with --signature-format bundle, or with a signing config that names a Rekor v1")
		}
	}
	return nil
}

// LogsWhole says whether a log is among them that takes whole statements: a Rekor v1, where a v2 takes a hash.
func (s Services) LogsWhole() bool {
	for _, log := range s.logs {
		if log.MajorAPIVersion == 1 {
			return true
		}
	}
	return false
}

func (s Services) fulcio() *sign.Fulcio {
	return sign.NewFulcio(&sign.FulcioOptions{BaseURL: strings.TrimRight(s.authority.URL, "/"), Timeout: patience, Transport: s.transport})
}

func (s Services) stamping() []*sign.TimestampAuthority {
	var list []*sign.TimestampAuthority
	for _, service := range s.stamps {
		list = append(list, sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: service.URL, Timeout: patience, Transport: s.transport}))
	}
	return list
}

// logging brings clients of our own: those that sigstore-go makes take neither a transport nor a bound on the answer.
func (s Services) logging() []sign.Transparency {
	var list []sign.Transparency
	for _, service := range s.logs {
		options := &sign.RekorOptions{BaseURL: service.URL, Version: service.MajorAPIVersion, Timeout: patience}
		if service.MajorAPIVersion == 1 {
			options.Client = whole{s.rekor(service.URL).Entries}
		} else {
			options.ClientV2 = tiles{service.URL, s.transport}
		}
		list = append(list, sign.NewRekor(options))
	}
	return list
}

func (s Services) rekor(at string) *rekor.Rekor {
	u, _ := url.Parse(at) // ReadSigningConfig has parsed it
	if u.Path == "" {
		u.Path = rekor.DefaultBasePath
	}
	runtimeOf := httptransport.NewWithClient(u.Host, u.Path, []string{u.Scheme}, &http.Client{Transport: s.transport, Timeout: patience})
	runtimeOf.Consumers["application/json"] = runtime.JSONConsumer()
	runtimeOf.Producers["application/json"] = runtime.JSONProducer()
	return rekor.New(runtimeOf, strfmt.Default)
}

// where names the services, for messages.
func (s Services) where() string {
	var urls []string
	for _, service := range append(append([]root.Service{}, s.logs...), s.stamps...) {
		urls = append(urls, service.URL)
	}
	if len(urls) == 0 {
		return s.authority.URL
	}
	return strings.Join(urls, ", ")
}

// failed gives what a service did the ending that it means: an identity that is turned down is a no, everything else could
// not be told.
func (s Services) failed(ctx context.Context, what, where string, err error) error {
	var known *outcome.Error
	var network net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &known):
		return err
	case turnedDown.MatchString(err.Error()):
		return outcome.New(outcome.IdentityRefused, "%s %s turned the identity token down: %s", what, where, printable(err.Error()))
	case errors.As(err, &network):
		return outcome.New(outcome.SigstoreUnavailable, "%s %s cannot be reached: %s", what, where, printable(err.Error()))
	}
	return outcome.New(outcome.SigstoreUnavailable, "%s %s: %s", what, where, printable(err.Error()))
}

// turnedDown is how sigstore-go tells of Fulcio's answers, which it gives no type.
var turnedDown = regexp.MustCompile(`^Fulcio returned 4(00|01|03)\b`)

func addStamp(b *bundles.Bundle, response []byte) {
	material := b.GetVerificationMaterial()
	if material.TimestampVerificationData == nil {
		material.TimestampVerificationData = &bundles.TimestampVerificationData{}
	}
	data := material.TimestampVerificationData
	data.Rfc3161Timestamps = append(data.Rfc3161Timestamps, &common.RFC3161SignedTimestamp{SignedTimestamp: response})
}
