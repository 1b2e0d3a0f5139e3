package kyverno

import (
	"bytes"
	"encoding/pem"
	"testing"

	//lint:ignore SA1019 Kyverno and policy-controller look where it keeps what it fetches.
	"github.com/sigstore/sigstore/pkg/tuf"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/trust"
	"github.com/stepseal/stepseal/internal/tuf/tuftest"
)

// The policies for the public Sigstore name no root: engines have it from the public TUF repository, in whose place a mirror
// stands here that has a private one's.
func TestAPolicyForThePublicSigstoreRestsOnItsRepository(t *testing.T) {
	public := newLab(t, rekor...)
	repository := public.published(t)
	cached(t, repository)
	section := public.section(trust.PublicSigstore)
	b, other := newBench(t, signing.Both), newLab(t, rekor...)
	pods := b.keylessPods(public, other)
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		b.format = format
		t.Run("ImageValidatingPolicy on "+string(format), func(t *testing.T) {
			pods := pods
			if format == signing.Legacy {
				pods = taken(pods, "attested-and-not-signed") // of images with bundles beside, as its notes say
			}
			judge(t, mirrored(t, b.renderFrom(admission.KyvernoImageValidating, section, nil), repository), pods)
		})
		t.Run("policy-controller on "+string(format), func(t *testing.T) {
			test(t, b.renderControlled(section, nil), pods)
		})
		t.Run("ClusterPolicy on "+string(format), func(t *testing.T) {
			pods := pods
			if format == signing.Bundle {
				pods = taken(pods, "of-another-ct-log") // its notes say so
				for i := range pods {
					pods[i].because = "" // it says of everything that none matches
				}
			}
			judge(t, b.renderFrom(admission.Kyverno, section, nil), pods)
		})
	}
}

// published is a repository with the targets that the public one has.
func (l lab) published(t *testing.T) *tuftest.Repository {
	t.Helper()
	doc := l.rootDocument(t)
	key := func(der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	chain := chainPEM(doc.GetCertificateAuthorities()[0])
	last := bytes.LastIndex(chain, []byte("-----BEGIN"))
	repository, err := tuftest.Start(map[string][]byte{
		"trusted_root.json": l.root,
		"rekor.pub":         key(doc.GetTlogs()[0].GetPublicKey().GetRawBytes()),
		"ctfe.pub":          key(doc.GetCtlogs()[0].GetPublicKey().GetRawBytes()),
		"fulcio.crt.pem":    chain[last:], "fulcio_v1.crt.pem": chain[last:], "fulcio_intermediate_v1.crt.pem": chain[:last],
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(repository.Close)
	return repository
}

// cached lets engines find the mirror where they keep what they have fetched, as after cosign initialize: neither a
// ClusterPolicy nor a ClusterImagePolicy can name one. It works once in a process.
func cached(t *testing.T, mirror *tuftest.Repository) {
	t.Helper()
	t.Setenv(tuf.TufRootEnv, t.TempDir())
	if err := tuf.Initialize(t.Context(), mirror.URL, mirror.Root()); err != nil {
		t.Fatal(err)
	}
}
