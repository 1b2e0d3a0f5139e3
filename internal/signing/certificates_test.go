package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

const releaseAddress = "release@acme.example"

// The certificates are valid around the day on which the timestamp authority stands, and that is long ago: certificates
// that are not stamped are held against the clock of the machine.
var (
	stampDay = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	longAgo  = stampDay.AddDate(-4, 0, 0)
	farOff   = stampDay.AddDate(40, 0, 0)
)

// pki is an ordinary certificate authority: a root, an intermediate, and one who signs.
type pki struct {
	t                          *testing.T
	root, intermediate, holder *x509.Certificate
	rootKey, intermediateKey   crypto.Signer
	keypair                    *sign.EphemeralKeypair
}

// newPKI makes one whose intermediate and whose holder are what change makes of them.
func newPKI(t *testing.T, change func(intermediate, holder *x509.Certificate)) *pki {
	t.Helper()
	p := &pki{t: t, rootKey: ecdsaKey(t, elliptic.P256()), intermediateKey: ecdsaKey(t, elliptic.P256())}
	var err error
	if p.keypair, err = sign.NewEphemeralKeypair(nil); err != nil {
		t.Fatal(err)
	}
	top := &x509.Certificate{Subject: pkix.Name{CommonName: "Acme root"}, NotBefore: longAgo, NotAfter: farOff,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	intermediate := &x509.Certificate{Subject: pkix.Name{CommonName: "Acme signing"}, NotBefore: longAgo, NotAfter: farOff,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	holder := &x509.Certificate{Subject: pkix.Name{CommonName: "release"}, EmailAddresses: []string{releaseAddress}, NotBefore: longAgo, NotAfter: farOff,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}
	if change != nil {
		change(intermediate, holder)
	}
	p.root = p.certify(top, top, p.rootKey.Public(), p.rootKey)
	p.intermediate = p.certify(intermediate, p.root, p.intermediateKey.Public(), p.rootKey)
	p.holder = p.certify(holder, p.intermediate, p.keypair.GetPublicKey().(*ecdsa.PublicKey), p.intermediateKey)
	return p
}

func (p *pki) certify(template, parent *x509.Certificate, of crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	p.t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, template, parent, of, by)
	if err != nil {
		p.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	return made
}

func chainPEM(certificates ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certificates {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return b.Bytes()
}

// pkiBench is an image in a registry, and a timestamp authority that may stamp what is signed.
type pkiBench struct {
	*keylessBench
	stamping []byte // its chain
}

func newPKIBench(t *testing.T) *pkiBench {
	t.Helper()
	lab, err := sigstoretest.Start(func() time.Time { return stampDay })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Close)
	b := &pkiBench{keylessBench: &keylessBench{bench: newBench(t, registrytest.Options{}), lab: lab}}
	trusted, err := root.NewTrustedRootFromJSON(lab.TrustedRoot())
	if err != nil {
		t.Fatal(err)
	}
	authority := trusted.TimestampingAuthorities()[0].(*root.SigstoreTimestampingAuthority)
	b.stamping = chainPEM(authority.Leaf, authority.Root)
	return b
}

// trusts is the trust in the PKI, with timestamps by whom the chain names.
func (b *pkiBench) trusts(p *pki, stamping []byte) *Sigstore {
	b.Helper()
	s, err := NewCertificates("pki", chainPEM(p.intermediate, p.root), stamping)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// sign lets the holder sign all statements, good or not, and puts them beside the image as anybody could.
func (b *pkiBench) sign(p *pki, stamped bool) {
	b.Helper()
	summary, err := certificate.SummarizeCertificate(p.holder)
	if err != nil {
		b.Fatal(err)
	}
	author := &Keyless{keypair: p.keypair, issued: p.holder.Raw, identity: newCertificate(summary)}
	if stamped {
		author.services = b.services(sigstoretest.TimestampAuthority)
	}
	author.services.transport = http.DefaultTransport
	for _, s := range b.everything() {
		signedBundle, err := author.sign(b.Context(), &sign.DSSEData{Data: marshal(b.T, s), PayloadType: evidence.PayloadType}, author.services.stamping())
		if err != nil {
			b.Fatal(err)
		}
		content, err := compactJSON(signedBundle)
		if err != nil {
			b.Fatal(err)
		}
		b.attach(content, s.PredicateType)
	}
}

// named is the signer of the PKI that is known by the subject alone.
func named(by *Sigstore, subject string) Signer {
	return Signer{Sigstore: by, Signer: trust.Signer{Name: "release", Subject: trust.Exactly(subject)}}
}

func TestAnOrdinaryAuthorityIsTrustedByTheSubjectAlone(t *testing.T) {
	for name, stamped := range map[string]bool{"with a timestamp authority": true, "without one, while the certificate is valid": false} {
		t.Run(name, func(t *testing.T) {
			b, p := newPKIBench(t), newPKI(t, nil)
			b.sign(p, stamped)
			var stamping []byte
			if stamped {
				stamping = b.stamping
			}
			v, err := b.check(all, named(b.trusts(p, stamping), releaseAddress))
			if err != nil {
				t.Fatal(err)
			}
			r := v.Requirements[0]
			if want := releaseAddress + " (certified by CN=Acme signing)"; r.Signer != want || r.Certificate.Issuer != "" {
				t.Errorf("signed by %q, want %q; the certificate is %+v", r.Signer, want, r.Certificate)
			}
			if (r.SignedAt == stampDay.Format(time.RFC3339)) != stamped {
				t.Errorf("signed at %q", r.SignedAt)
			}
		})
	}
}

func TestAnOrdinaryAuthorityNamesAWorkload(t *testing.T) {
	const id = "spiffe://acme.example/ci/release"
	b := newPKIBench(t)
	p := newPKI(t, func(_, holder *x509.Certificate) {
		u, _ := url.Parse(id)
		holder.EmailAddresses, holder.URIs = nil, []*url.URL{u}
	})
	b.sign(p, false)
	b.ends("", all, named(b.trusts(p, nil), id))
	b.ends(outcome.SignatureUntrusted, all, named(b.trusts(p, nil), releaseAddress))
}

// TestWhatWasStampedOutlivesItsCertificate: that is what the timestamp is for.
func TestWhatWasStampedOutlivesItsCertificate(t *testing.T) {
	b := newPKIBench(t)
	p := newPKI(t, func(_, holder *x509.Certificate) { holder.NotAfter = stampDay.Add(time.Hour) })
	b.sign(p, true)
	b.ends("", all, named(b.trusts(p, b.stamping), releaseAddress))
	b.ends(outcome.SignatureUntrusted, all, named(b.trusts(p, nil), releaseAddress))
}

func TestAnOrdinaryAuthorityIsNotTrustedFor(t *testing.T) {
	before := stampDay.Add(-time.Hour)
	for name, c := range map[string]struct {
		change   func(intermediate, holder *x509.Certificate)
		stamped  bool
		stamping bool
		signer   func(*Signer)
	}{
		"another subject":                    {nil, true, true, func(s *Signer) { s.Subject = trust.Exactly("nightly@acme.example") }},
		"another subject, without stamps":    {nil, false, false, func(s *Signer) { s.Subject = trust.Exactly("nightly@acme.example") }},
		"the name that is no alternative":    {nil, true, true, func(s *Signer) { s.Subject = trust.Exactly("release") }},
		"an issuer that it does not name":    {nil, true, true, func(s *Signer) { s.Issuer = trust.Exactly("https://login.acme.example") }},
		"a repository that it does not name": {nil, true, true, func(s *Signer) { s.SourceRepository = trust.Exactly("https://github.com/acme/api") }},
		"what nobody stamped":                {nil, false, true, nil},
		"a certificate that had ended":       {func(_, holder *x509.Certificate) { holder.NotAfter = before }, true, true, nil},
		"a certificate that has ended":       {func(_, holder *x509.Certificate) { holder.NotAfter = before }, false, false, nil},
		"an intermediate that had ended":     {func(intermediate, _ *x509.Certificate) { intermediate.NotAfter = before }, true, true, nil},
		"an intermediate that has ended":     {func(intermediate, _ *x509.Certificate) { intermediate.NotAfter = before }, false, false, nil},
		"a certificate for servers": {func(_, holder *x509.Certificate) {
			holder.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, true, true, nil},
		"an intermediate for servers": {func(intermediate, _ *x509.Certificate) {
			intermediate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, true, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newPKIBench(t), newPKI(t, c.change)
			b.sign(p, c.stamped)
			var stamping []byte
			if c.stamping {
				stamping = b.stamping
			}
			s := named(b.trusts(p, stamping), releaseAddress)
			if c.signer != nil {
				c.signer(&s)
			}
			b.ends(outcome.SignatureUntrusted, all, s)
		})
	}
}

func TestAnOrdinaryAuthorityVouchesForItsOwnAlone(t *testing.T) {
	b, p, other := newPKIBench(t), newPKI(t, nil), newPKI(t, nil)
	b.sign(p, true)
	b.ends(outcome.SignatureUntrusted, all, named(b.trusts(other, b.stamping), releaseAddress))
	elsewhere := newPKIBench(t)
	b.ends(outcome.SignatureUntrusted, all, named(b.trusts(p, elsewhere.stamping), releaseAddress))
}

// TestASigstoreIsNotTrustedByTheSubjectAlone: whoever issues tokens could name that subject.
func TestASigstoreIsNotTrustedByTheSubjectAlone(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	b.mustWrite(b.release(sigstoretest.Rekor), Bundle)
	s := releaser(b.sigstore)
	s.Issuer = trust.Pattern{}
	b.ends(outcome.InvalidInput, all, s)
	if c := (Certificate{Issuer: sigstoretest.GitHubIssuer, Subject: s.Subject.Exact()}); len(c.differs(s)) == 0 {
		t.Error("a certificate of any issuer is the signer's")
	}
	anybody := Signer{Sigstore: &Sigstore{ordinary: true}}
	if c := (Certificate{Subject: releaseAddress}); len(c.differs(anybody)) == 0 {
		t.Error("a certificate of any subject is the signer's")
	}
}
