package signing

import (
	"context"
	"crypto/elliptic"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

const (
	repository = "acme/api"
	workflow   = ".github/workflows/release.yml"
	mainBranch = "refs/heads/main"
)

// keylessBench is an image in a registry, and a Sigstore that certifies who signs it.
type keylessBench struct {
	*bench
	lab      *sigstoretest.Sigstore
	sigstore *Sigstore
}

func newKeylessBench(t *testing.T, opt registrytest.Options) *keylessBench {
	t.Helper()
	lab, err := sigstoretest.Start(func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Close)
	b := &keylessBench{bench: newBench(t, opt), lab: lab}
	b.sigstore = b.root(Without{})
	return b
}

func (b *keylessBench) root(without Without) *Sigstore {
	b.Helper()
	s, err := NewSigstore("lab", b.lab.TrustedRoot(), without)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *keylessBench) services(of ...sigstoretest.Service) Services {
	b.Helper()
	services, err := ReadSigningConfig("lab", b.lab.SigningConfig(of...), noon)
	if err != nil {
		b.Fatal(err)
	}
	return services
}

// as is an author with the identity that the token's claims give.
func (b *keylessBench) as(claims map[string]any, of ...sigstoretest.Service) *Keyless {
	b.Helper()
	author, err := b.ask(context.Background(), b.sigstore, claims, of...)
	if err != nil {
		b.Fatal(err)
	}
	return author
}

func (b *keylessBench) ask(ctx context.Context, sigstore *Sigstore, claims map[string]any, of ...sigstoretest.Service) (*Keyless, error) {
	b.Helper()
	token, err := b.lab.Token(claims)
	if err != nil {
		b.Fatal(err)
	}
	return NewKeyless(ctx, sigstore, b.services(of...), token, b.registry.Transport(), noon)
}

func (b *keylessBench) release(of ...sigstoretest.Service) *Keyless {
	b.Helper()
	return b.as(sigstoretest.GitHub(repository, workflow, mainBranch), of...)
}

func (b *keylessBench) write(author Author, format Format) error {
	b.Helper()
	_, err := AttestAll(context.Background(), b.registry, b.subject, author, b.everything(), format, noon)
	return err
}

func (b *keylessBench) mustWrite(author Author, format Format) {
	b.Helper()
	if err := b.write(author, format); err != nil {
		b.Fatal(err)
	}
}

// releaser is the signer that the trust section names.
func releaser(sigstore *Sigstore) Signer {
	return Signer{Sigstore: sigstore, Signer: trust.Signer{Name: "release", Issuer: trust.Exactly(sigstoretest.GitHubIssuer),
		Subject: trust.Exactly("https://github.com/" + repository + "/" + workflow + "@" + mainBranch)}}
}

func (b *keylessBench) check(required Requirements, signers ...Signer) (Verification, error) {
	b.Helper()
	return Verify(context.Background(), b.registry, b.subject, Trust{Signers: signers}, required, noon)
}

// ends wants the verification to end with that reason, empty is accepted, and gives the evidence in one text.
func (b *keylessBench) ends(want outcome.Reason, required Requirements, signers ...Signer) string {
	b.Helper()
	v, err := b.check(required, signers...)
	var got outcome.Reason
	if err != nil {
		got = outcome.Of(err).Reason
	}
	var lines []string
	for _, r := range v.Requirements {
		lines = append(append(lines, r.Message), r.Evidence...)
	}
	text := strings.Join(lines, "\n")
	if got != want {
		b.Errorf("ended as %q, want %q: %v\n%s", got, want, err, text)
	}
	return text
}

// The services that a signing config can name, and in which forms what they make can be stored.
var profiles = map[string]struct {
	services []sigstoretest.Service
	without  Without
	formats  []Format
}{
	"Rekor v1":                           {[]sigstoretest.Service{sigstoretest.Rekor}, Without{}, []Format{Bundle, Legacy, Both}},
	"Rekor v1 and a timestamp authority": {[]sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}, Without{}, []Format{Bundle, Legacy, Both}},
	"Rekor v2 and a timestamp authority": {[]sigstoretest.Service{sigstoretest.RekorTiles, sigstoretest.TimestampAuthority}, Without{}, []Format{Bundle}},
	"a timestamp authority alone":        {[]sigstoretest.Service{sigstoretest.TimestampAuthority}, Without{Log: true}, []Format{Bundle, Legacy, Both}},
}

func TestKeylessRoundTrip(t *testing.T) {
	for name, profile := range profiles {
		for _, format := range profile.formats {
			for _, referrers := range []registrytest.Referrers{registrytest.ReferrersOn, registrytest.ReferrersOff} {
				t.Run(name+", "+string(format), func(t *testing.T) {
					b := newKeylessBench(t, registrytest.Options{Referrers: referrers})
					b.sigstore = b.root(profile.without)
					author := b.release(profile.services...)
					b.mustWrite(author, format)
					v, err := b.check(all, releaser(b.sigstore))
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range v.Requirements {
						if r.Result != Trusted || r.Signer != author.Signer() || r.SignedAt == "" || r.Certificate == nil || r.Certificate.SourceRepository != "https://github.com/"+repository {
							t.Errorf("%+v", r)
						}
					}
					// Running again adds nothing.
					before := b.writes()
					b.mustWrite(b.release(profile.services...), format)
					if n := b.writes() - before; n != 0 {
						t.Errorf("%d writes the second time", n)
					}
				})
			}
		}
	}
}

// cosign takes a layer under its .att tag for logged where the entry has the hash of that very layer.
func TestKeylessLayersAreWhatWasLogged(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	b.mustWrite(b.release(sigstoretest.Rekor), Legacy)
	found, err := newStore(b.registry, b.subject).attestations(t.Context())
	if err != nil || len(found.documents) != 2 {
		t.Fatalf("%d attestations, %v", len(found.documents), err)
	}
	for _, d := range found.documents {
		entries, err := d.entries()
		if err != nil || len(entries) != 1 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		var entry struct {
			Spec struct{ EnvelopeHash struct{ Value string } }
		}
		if err := json.Unmarshal(entries[0].CanonicalizedBody, &entry); err != nil {
			t.Fatal(err)
		}
		if layer := evidence.Digest(d.content); layer != "sha256:"+entry.Spec.EnvelopeHash.Value {
			t.Errorf("the layer is %s, and the envelope %s was logged", layer, entry.Spec.EnvelopeHash.Value)
		}
	}
}

// Once it is known whom to trust, verifying reaches nobody but the registry.
func TestKeylessVerifiesWithoutTheSigstore(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	b.mustWrite(b.release(sigstoretest.Rekor, sigstoretest.TimestampAuthority), Both)
	b.lab.Close()
	b.ends("", all, releaser(b.sigstore))
}

func TestKeylessRekorV2HasNoLegacyForm(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	if err := b.services(sigstoretest.RekorTiles, sigstoretest.TimestampAuthority).LegacyObstacle(); err == nil {
		t.Error("nothing is said of it")
	}
	if err := b.services(sigstoretest.Rekor).LegacyObstacle(); err != nil {
		t.Error(err)
	}
	err := b.write(b.release(sigstoretest.RekorTiles, sigstoretest.TimestampAuthority), Legacy)
	if err == nil || outcome.Of(err).Reason != outcome.InvalidInput {
		t.Error(err)
	}
}

func TestKeylessServicesThatFail(t *testing.T) {
	services := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
	for name, test := range map[string]struct {
		at     sigstoretest.Service
		answer sigstoretest.Behaviour
		want   outcome.Reason
	}{
		"Fulcio is down":                  {sigstoretest.Fulcio, sigstoretest.Down(), outcome.SigstoreUnavailable},
		"Fulcio turns the token down":     {sigstoretest.Fulcio, sigstoretest.Status(http.StatusForbidden), outcome.IdentityRefused},
		"Fulcio fails":                    {sigstoretest.Fulcio, sigstoretest.Status(http.StatusNotImplemented), outcome.SigstoreUnavailable},
		"Fulcio talks without end":        {sigstoretest.Fulcio, sigstoretest.Endless(http.StatusOK), outcome.SigstoreUnavailable},
		"Rekor is down":                   {sigstoretest.Rekor, sigstoretest.Down(), outcome.SigstoreUnavailable},
		"Rekor fails":                     {sigstoretest.Rekor, sigstoretest.Status(http.StatusBadRequest), outcome.SigstoreUnavailable},
		"Rekor answers with something":    {sigstoretest.Rekor, sigstoretest.Instead(http.StatusCreated, []byte(`{"a":{}}`)), outcome.SigstoreUnavailable},
		"the timestamp authority is down": {sigstoretest.TimestampAuthority, sigstoretest.Down(), outcome.SigstoreUnavailable},
		"the timestamp authority fails":   {sigstoretest.TimestampAuthority, sigstoretest.Status(http.StatusTeapot), outcome.SigstoreUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b := newKeylessBench(t, registrytest.Options{})
			b.lab.Answer(test.at, test.answer)
			author, err := b.ask(context.Background(), b.sigstore, sigstoretest.GitHub(repository, workflow, mainBranch), services...)
			if err == nil {
				err = b.write(author, Bundle)
			}
			if err == nil || outcome.Of(err).Reason != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
			if n := b.writes(); n != 0 {
				t.Errorf("%d writes", n)
			}
		})
	}
}

// sigstore-go's clients give their requests no context; the run's must reach them all the same.
func TestKeylessStopsWhenTheRunDoes(t *testing.T) {
	for _, at := range []sigstoretest.Service{sigstoretest.Fulcio, sigstoretest.Rekor, sigstoretest.RekorTiles, sigstoretest.TimestampAuthority} {
		b := newKeylessBench(t, registrytest.Options{})
		services := []sigstoretest.Service{sigstoretest.Rekor, sigstoretest.TimestampAuthority}
		if at == sigstoretest.RekorTiles {
			services[0] = at
		}
		b.lab.Answer(at, sigstoretest.Hanging())
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(100*time.Millisecond, cancel)
		author, err := b.ask(ctx, b.sigstore, sigstoretest.GitHub(repository, workflow, mainBranch), services...)
		if err == nil {
			_, err = AttestAll(ctx, b.registry, b.subject, author, b.everything(), Bundle, noon)
		}
		if outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.Interrupted {
			t.Errorf("service %d: %v", at, err)
		}
	}
}

func TestKeylessAuthorOutsideTheTrust(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	of := Trust{Signers: []Signer{releaser(b.sigstore)}}
	of.Signers[0].MaySign = []trust.Kind{trust.Signature}
	if err := of.MaySign(b.release(sigstoretest.Rekor), trust.Signature); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another kind":     of.MaySign(b.release(sigstoretest.Rekor), trust.Scan),
		"another identity": of.MaySign(b.as(sigstoretest.GitHub(repository, workflow, "refs/heads/other"), sigstoretest.Rekor), trust.Signature),
	} {
		if err == nil || outcome.Of(err).Reason != outcome.SignerNotTrusted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAttack29TrustedRootsThatCannotBeUsed(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	whole := string(b.lab.TrustedRoot())
	for name, content := range map[string]string{
		"nothing":              "",
		"no JSON":              "root",
		"no root":              "{}",
		"without an authority": withoutPart(t, whole, "certificateAuthorities"),
		"without a log":        withoutPart(t, whole, "tlogs"),
		"a key twice":          strings.Replace(whole, "{", `{"tlogs":[],`, 1),
		"with more behind":     whole + "{}",
		"endless":              whole + strings.Repeat(" ", maxTrustedRoot),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewSigstore("lab", []byte(content), Without{}); err == nil || outcome.Of(err).Reason != outcome.TrustUnusable {
				t.Error(err)
			}
		})
	}
	for name, content := range map[string]string{
		"nothing": "", "no JSON": "x", "no services": `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}`,
		"no address": strings.Replace(string(b.lab.SigningConfig()), b.lab.URL(sigstoretest.Fulcio), "file:///etc/passwd", 1),
		"a login":    strings.Replace(string(b.lab.SigningConfig()), "http://", "http://a:b@", 1),
		"expired":    strings.ReplaceAll(string(b.lab.SigningConfig()), `"start"`, `"end"`),
	} {
		t.Run("a signing config, "+name, func(t *testing.T) {
			if _, err := ReadSigningConfig("lab", []byte(content), noon); err == nil || outcome.Of(err).Reason != outcome.TrustUnusable {
				t.Error(err)
			}
		})
	}
}

// withoutPart is the trusted root without one of its lists.
func withoutPart(t *testing.T, whole, part string) string {
	t.Helper()
	var root map[string]json.RawMessage
	if err := json.Unmarshal([]byte(whole), &root); err != nil {
		t.Fatal(err)
	}
	delete(root, part)
	changed, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(changed)
}

// A signature by a key and one by an identity lie beside each other, and each counts where it is trusted.
func TestKeysAndIdentitiesBesideEachOther(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	b.attest(Both, b.everything()...)
	b.mustWrite(b.release(sigstoretest.Rekor), Both)
	stranger := newTestKey(t, ecdsaKey(t, elliptic.P256()))
	b.ends("", all, releaser(b.sigstore))
	b.ends("", all, Signer{Key: b.key.Public()})
	b.ends(outcome.SignatureUntrusted, all, Signer{Key: stranger.Public()})
	two := require(trust.Signature, trust.SBOM, trust.Scan)
	for i := range two.Demands {
		two.Demands[i].Threshold = 2
	}
	b.ends("", two, releaser(b.sigstore), Signer{Key: b.key.Public()})
	b.ends(outcome.TooFewSigners, two, releaser(b.sigstore), Signer{Key: stranger.Public()})
}

// A bundle of an early Rekor v2 is told from one that nobody signed, and what it claims to be is told from its payload.
func TestEntriesOfAnEarlyRekorV2(t *testing.T) {
	b := newKeylessBench(t, registrytest.Options{})
	author := b.release(sigstoretest.RekorTiles, sigstoretest.TimestampAuthority)
	for _, s := range b.everything() {
		made, err := author.bundle(t.Context(), marshal(t, s))
		if err != nil {
			t.Fatal(err)
		}
		b.attach(loggedEarly(t, made), evidence.SignaturePredicate) // as cosign names every attestation
	}
	v, err := b.check(all, releaser(b.sigstore))
	if err == nil || outcome.Of(err).Reason != outcome.SignatureUntrusted {
		t.Error(err)
	}
	for i, want := range []outcome.Reason{outcome.SignatureUntrusted, outcome.AttestationUntrusted, outcome.AttestationUntrusted} {
		r := v.Requirements[i]
		if r.Reason != want || len(r.Evidence) != 1 || !strings.Contains(r.Evidence[0], "dsse 0.0.2") || !strings.Contains(r.Evidence[0], "sign again") {
			t.Errorf("%s: %s, %q", r.Name, r.Reason, r.Evidence)
		}
	}
}

// loggedEarly is the bundle with an entry as Rekor v2 made them until v2.3.0.
func loggedEarly(t *testing.T, made []byte) []byte {
	t.Helper()
	var b bundles.Bundle
	if err := protojson.Unmarshal(made, &b); err != nil {
		t.Fatal(err)
	}
	entry := b.GetVerificationMaterial().GetTlogEntries()[0]
	entry.KindVersion = &rekor.KindVersion{Kind: "dsse", Version: "0.0.2"}
	entry.CanonicalizedBody = []byte(`{"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{"payloadHash":{"algorithm":"SHA2_256","digest":"AA=="},"signatures":[]}}}`)
	content, err := compactJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
