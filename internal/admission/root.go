package admission

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
	"github.com/stepseal/stepseal/internal/trust"
)

// Kyverno takes no more of a trusted root, nor longer chains.
// https://github.com/kyverno/kyverno/blob/v1.19.1/pkg/image/verifiers/ivpol/cosign/opts.go
const (
	maxRoot         = 1 << 20
	maxInstances    = 50 // of authorities or logs
	maxCertificates = 12
)

// root is what a Sigstore of somebody's own, or a CA, vouches with. Of several of a kind the newest comes first.
type root struct {
	json        string // trusted_root.json, compact
	authorities []certifier
	logs        []log
	ctLogs      []log
	timestamps  []certifier
}

// certifier is a certificate or timestamp authority.
type certifier struct {
	url          string
	organization string
	name         string
	chain        []*x509.Certificate // leaf or intermediates first, the root last
	since        time.Time
}

// log is a transparency log.
type log struct {
	url   string
	key   string // PEM
	ecdsa bool   // it signs promises of inclusion, as version 1 of Rekor and certificate logs do
	since time.Time
}

func (c certifier) pem() string {
	var b bytes.Buffer
	for _, cert := range c.chain {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return b.String()
}

// rootOf reads the root of an authority with one of its own.
func rootOf(a trust.Authority, m Material) (root, error) {
	read := parseRoot
	if a.Source == trust.Certificates {
		read = func(content []byte) (root, error) { return rootOfChains(content, m.TimestampAuthorities[a.Name]) }
	}
	content, ok := m.Sources[a.Name]
	if !ok {
		return root{}, outcome.New(outcome.InvalidInput, "the root of the authority %s was not read", a.Name)
	}
	r, err := read(content)
	if err != nil {
		return root{}, outcome.New(outcome.InvalidInput, "the root of the authority %s", a.Name).Because(err)
	}
	return r, nil
}

// parseRoot reads trusted_root.json.
// https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_trustroot.proto
func parseRoot(content []byte) (root, error) {
	if err := strictjson.Check(content, strictjson.Bounds{Bytes: maxRoot, Depth: 30}); err != nil {
		return root{}, err
	}
	var doc trustroot.TrustedRoot
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(content, &doc); err != nil {
		return root{}, errors.New("the file is no trusted_root.json")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, content); err != nil {
		return root{}, err
	}
	r := root{json: compact.String()}
	err := errors.Join(
		certifiers(&r.authorities, doc.GetCertificateAuthorities()), certifiers(&r.timestamps, doc.GetTimestampAuthorities()),
		logs(&r.logs, doc.GetTlogs()), logs(&r.ctLogs, doc.GetCtlogs()))
	if err == nil && len(r.authorities) == 0 {
		err = errors.New("no certificate authority is in it")
	}
	return r, err
}

func certifiers(into *[]certifier, all []*trustroot.CertificateAuthority) error {
	if len(all) > maxInstances {
		return fmt.Errorf("%d authorities, more than the %d allowed", len(all), maxInstances)
	}
	for _, a := range all {
		c := certifier{url: a.GetUri(), organization: a.GetSubject().GetOrganization(), name: a.GetSubject().GetCommonName(), since: start(a.GetValidFor())}
		for _, raw := range a.GetCertChain().GetCertificates() {
			cert, err := x509.ParseCertificate(raw.GetRawBytes())
			if err != nil {
				return errors.New("a certificate in it cannot be read")
			}
			c.chain = append(c.chain, cert)
		}
		if err := c.check(); err != nil {
			return err
		}
		*into = append(*into, c)
	}
	slices.SortStableFunc(*into, func(a, b certifier) int { return b.since.Compare(a.since) })
	return nil
}

func (c certifier) check() error {
	switch {
	case len(c.chain) == 0 || len(c.chain) > maxCertificates:
		return fmt.Errorf("a chain of %d certificates; 1 to %d are taken", len(c.chain), maxCertificates)
	case plain(c.organization) != nil, plain(c.name) != nil:
		return errors.New("the name of an authority holds characters that cannot be seen")
	case !address(c.url):
		return fmt.Errorf("%.60q is no address of an authority", c.url)
	}
	return nil
}

// address takes none, too: a CA need not have one.
func address(text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && plain(text) == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

func logs(into *[]log, all []*trustroot.TransparencyLogInstance) error {
	if len(all) > maxInstances {
		return fmt.Errorf("%d logs, more than the %d allowed", len(all), maxInstances)
	}
	for _, l := range all {
		key, err := x509.ParsePKIXPublicKey(l.GetPublicKey().GetRawBytes())
		if err != nil || !address(l.GetBaseUrl()) {
			return errors.New("the key or the address of a log in it cannot be read")
		}
		text, err := publicKeyPEM(key)
		if err != nil {
			return err
		}
		_, isECDSA := key.(*ecdsa.PublicKey)
		*into = append(*into, log{l.GetBaseUrl(), text, isECDSA, start(l.GetPublicKey().GetValidFor())})
	}
	slices.SortStableFunc(*into, func(a, b log) int { return b.since.Compare(a.since) })
	return nil
}

func start(r *common.TimeRange) time.Time {
	if r.GetStart() == nil {
		return time.Time{}
	}
	return r.GetStart().AsTime()
}
