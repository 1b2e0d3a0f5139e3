package kyverno

import (
	"bytes"
	"encoding/pem"
	"testing"

	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/trust"
)

// An authority of certificates and one of timestamps are all that a policy knows of the Sigstore here.
func TestOnlyImagesOfTheTrustedCertificatesAreLetIn(t *testing.T) {
	for kind, format := range map[admission.Kind]signing.Format{admission.Kyverno: signing.Legacy, admission.KyvernoImageValidating: signing.Bundle} {
		t.Run(string(kind), func(t *testing.T) {
			b, corp, other := newBench(t, format), newLab(t, stamped...), newLab(t, stamped...)
			section, material := corp.certified(t)
			pods := taken(b.keylessPods(corp, other), "of-another-ct-log")
			policy := b.renderWith(kind, section, material)
			if kind == admission.KyvernoImageValidating {
				policy = mirrored(t, policy, mirror(t, other.TrustedRoot()))
			}
			judge(t, policy, pods)
		})
	}
}

// As verify does: without timestamps there is nothing but the present to go by.
func TestWithoutTimestampsCertificatesMustBeGoodStill(t *testing.T) {
	b, corp := newBench(t, signing.Legacy), newLab(t, stamped...)
	section, material := corp.certified(t)
	section.Authorities[0].TimestampAuthority, material.TimestampAuthorities = "", nil
	ended, good := b.push("team/ended"), b.push("team/good")
	b.attest(ended, corp.as(t, b, workflow("main")), signature(ended), sbom(ended), b.scan(ended, "accepted", ended.DigestStr(), 0))
	b.attest(good, corp.unlogged(t, b, workflow("main")), signature(good), sbom(good), b.scan(good, "accepted", good.DigestStr(), 0))
	pods := []pod{
		{name: "good", containers: []string{good.String()}, admitted: true},
		{name: "ended", containers: []string{ended.String()}, because: "expired certificate"},
	}
	judge(t, b.renderWith(admission.Kyverno, section, material), pods)
	section.Evidence = section.Evidence[:1] // of .att tags in no log nothing is rendered
	judge(t, mirrored(t, b.renderWith(admission.KyvernoImageValidating, section, material), mirror(t, corp.TrustedRoot())), pods)
}

// certified is a section that knows the Sigstore by its certificate and timestamp authorities alone.
func (l lab) certified(t *testing.T) (trust.Section, admission.Material) {
	t.Helper()
	section := l.section(trust.Certificates)
	section.Authorities[0] = trust.Authority{Name: "corp", Source: trust.Certificates, Value: "chain.pem", TimestampAuthority: "tsa.pem"}
	chain, timestamps := l.chains(t)
	return section, admission.Material{Sources: map[string][]byte{"corp": chain}, TimestampAuthorities: map[string][]byte{"corp": timestamps}}
}

// chains are those of its certificate authority and of its timestamp authority.
func (l lab) chains(t *testing.T) (certificates, timestamps []byte) {
	t.Helper()
	doc := l.rootDocument(t)
	return chainPEM(doc.GetCertificateAuthorities()[0]), chainPEM(doc.GetTimestampAuthorities()[0])
}

func chainPEM(of *trustroot.CertificateAuthority) []byte {
	var b bytes.Buffer
	for _, c := range of.GetCertChain().GetCertificates() {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.GetRawBytes()}))
	}
	return b.Bytes()
}
