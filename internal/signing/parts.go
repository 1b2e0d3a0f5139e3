package signing

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/stepseal/stepseal/internal/lifetime"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Parts are the authorities and logs of the Sigstore, each with what has an end in it. Logs come by their id.
func (s *Sigstore) Parts() []lifetime.Part {
	var list []lifetime.Part
	for _, authority := range s.material.FulcioCertificateAuthorities() {
		if known, ok := authority.(*root.FulcioCertificateAuthority); ok {
			list = append(list, chainPart(lifetime.CertificateAuthority, known.URI,
				lifetime.Period{Start: known.ValidityPeriodStart, End: known.ValidityPeriodEnd}, nil, known.Intermediates, known.Root))
		}
	}
	list = append(list, logParts(lifetime.CertificateLog, s.material.CTLogs())...)
	list = append(list, logParts(lifetime.TransparencyLog, s.material.RekorLogs())...)
	for _, authority := range s.material.TimestampingAuthorities() {
		if known, ok := authority.(*root.SigstoreTimestampingAuthority); ok {
			list = append(list, chainPart(lifetime.TimestampAuthority, s.address(known.URI),
				lifetime.Period{Start: known.ValidityPeriodStart, End: known.ValidityPeriodEnd}, known.Leaf, known.Intermediates, known.Root))
		}
	}
	return list
}

// address is the URI; NewCertificates has none, and puts the name of the authority there.
func (s *Sigstore) address(uri string) string {
	if s.ordinary {
		return ""
	}
	return uri
}

// Demanded are the roles of which verification takes nothing without a part.
func (s *Sigstore) Demanded() []lifetime.Role { return slices.Clone(s.demanded) }

// Part is the key, which says of itself neither from when nor until when it is good.
func (k PublicKey) Part() lifetime.Part {
	return lifetime.Part{Role: lifetime.Key, Terms: []lifetime.Term{{Of: k.Fingerprint()}}}
}

func chainPart(role lifetime.Role, uri string, own lifetime.Period, leaf *x509.Certificate, intermediates []*x509.Certificate, top *x509.Certificate) lifetime.Part {
	p := lifetime.Part{Role: role, URI: printable(uri), IDs: chainIDs(leaf, intermediates, top)}
	if own != (lifetime.Period{}) {
		p.Terms = append(p.Terms, lifetime.Term{Period: own})
	}
	add := func(what string, c *x509.Certificate) {
		if c != nil {
			p.Terms = append(p.Terms, lifetime.Term{Of: what + " " + printable(c.Subject.String()), Period: lifetime.Period{Start: c.NotBefore, End: c.NotAfter}})
		}
	}
	add("certificate", leaf)
	for _, c := range intermediates {
		add("intermediate", c)
	}
	add("root", top)
	return p
}

// idShown is how much of a log's id is shown: enough to find it in the trusted root.
const idShown = 16

func logParts(role lifetime.Role, logs map[string]*root.TransparencyLog) []lifetime.Part {
	var list []lifetime.Part
	for _, log := range logs {
		id := hex.EncodeToString(log.ID)
		list = append(list, lifetime.Part{Role: role, URI: printable(log.BaseURL), IDs: keyIDs(log.PublicKey), Terms: []lifetime.Term{
			{Of: "key " + id[:min(len(id), idShown)], Period: lifetime.Period{Start: log.ValidityPeriodStart, End: log.ValidityPeriodEnd}}}})
	}
	slices.SortFunc(list, func(a, b lifetime.Part) int { return strings.Compare(a.Terms[0].Of, b.Terms[0].Of) })
	return list
}

// maxServices bounds how many services a signing config names.
const maxServices = 64

// NamedServices are all services of a signing_config.json by which something is signed, those too that are not in force.
// The name is for messages.
func NamedServices(name string, content []byte) ([]lifetime.Service, error) {
	config, err := readSigningConfig(name, content)
	if err != nil {
		return nil, err
	}
	var list []lifetime.Service
	add := func(role lifetime.Role, services []root.Service, spoken []uint32) {
		for _, s := range services {
			list = append(list, lifetime.Service{Role: role, URL: s.URL, Version: s.MajorAPIVersion, Spoken: slices.Contains(spoken, s.MajorAPIVersion),
				Period: lifetime.Period{Start: s.ValidityPeriodStart, End: s.ValidityPeriodEnd}})
		}
	}
	add(lifetime.CertificateAuthority, config.FulcioCertificateAuthorityURLs(), sign.FulcioAPIVersions)
	add(lifetime.TransparencyLog, config.RekorLogURLs(), sign.RekorAPIVersions)
	add(lifetime.TimestampAuthority, config.TimestampAuthorityURLs(), sign.TimestampAuthorityAPIVersions)
	if len(list) > maxServices {
		return nil, outcome.New(outcome.TrustUnusable, "signing config of %s: it names %d services, and at most %d are looked at", name, len(list), maxServices)
	}
	for _, s := range list {
		if !isAddress(s.URL) {
			return nil, outcome.New(outcome.TrustUnusable, "signing config of %s: a service is at no http(s) address", name)
		}
	}
	return list, nil
}
