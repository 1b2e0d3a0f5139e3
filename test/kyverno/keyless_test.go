package kyverno

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"sync"
	"testing"
	"time"

	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/sigstoretest"
)

// lab is a private Sigstore that has, of logs and timestamp authorities, those that are named.
type lab struct {
	*sigstoretest.Sigstore
	services []sigstoretest.Service
	root     []byte // trusted_root.json
	sigstore *signing.Sigstore
}

var issuerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newLab(t *testing.T, services ...sigstoretest.Service) lab {
	t.Helper()
	key, err := issuerKey()
	if err != nil {
		t.Fatal(err)
	}
	running, err := sigstoretest.StartWithKey(anHourAgo, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	l := lab{Sigstore: running, services: services}
	l.root = l.rootOfServices(t)
	if l.sigstore, err = signing.NewSigstore("corp", l.root, signing.Without{Log: !l.logs()}); err != nil {
		t.Fatal(err)
	}
	return l
}

// anHourAgo is when everything is signed: the certificates have ended since.
func anHourAgo() time.Time { return time.Now().Add(-time.Hour) }

func (l lab) has(one sigstoretest.Service) bool { return slices.Contains(l.services, one) }

func (l lab) logs() bool { return l.has(sigstoretest.Rekor) || l.has(sigstoretest.RekorTiles) }

// rootOfServices leaves out what the instance runs and this Sigstore does not have.
func (l lab) rootOfServices(t *testing.T) []byte {
	t.Helper()
	var doc trustroot.TrustedRoot
	if err := protojson.Unmarshal(l.TrustedRoot(), &doc); err != nil {
		t.Fatal(err)
	}
	doc.Tlogs = slices.DeleteFunc(doc.Tlogs, func(log *trustroot.TransparencyLogInstance) bool {
		return !slices.ContainsFunc(l.services, func(one sigstoretest.Service) bool { return l.URL(one) == log.GetBaseUrl() })
	})
	if !l.has(sigstoretest.TimestampAuthority) {
		doc.TimestampAuthorities = nil
	}
	content, err := protojson.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (l lab) rootDocument(t *testing.T) *trustroot.TrustedRoot {
	t.Helper()
	var doc trustroot.TrustedRoot
	if err := protojson.Unmarshal(l.root, &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}

// as is an author whom the Sigstore certifies what the claims say.
func (l lab) as(t *testing.T, b bench, claims map[string]any) signing.Author {
	t.Helper()
	return l.author(t, b, claims, l.sigstore, l.services, anHourAgo())
}

// unlogged is an author whose signatures are stamped and in no log, and whose certificate is good still.
func (l lab) unlogged(t *testing.T, b bench, claims map[string]any) signing.Author {
	t.Helper()
	sigstore, err := signing.NewSigstore("corp", l.TrustedRoot(), signing.Without{Log: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []sigstoretest.Service{sigstoretest.Issuer, sigstoretest.Fulcio, sigstoretest.TimestampAuthority} {
		l.Skew(one, time.Hour)
	}
	return l.author(t, b, claims, sigstore, []sigstoretest.Service{sigstoretest.TimestampAuthority}, time.Now())
}

// uncounted is an author whose certificate is in a log that the root does not name.
func (l lab) uncounted(t *testing.T, b bench, claims map[string]any) signing.Author {
	t.Helper()
	sigstore, err := signing.NewSigstore("corp", l.root, signing.Without{Log: !l.logs(), CTLog: true})
	if err == nil {
		err = l.Misbehave(sigstoretest.Faults{UnknownCTLog: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	author := l.author(t, b, claims, sigstore, l.services, anHourAgo())
	if err := l.Misbehave(sigstoretest.Faults{}); err != nil {
		t.Fatal(err)
	}
	return author
}

func (l lab) author(t *testing.T, b bench, claims map[string]any, sigstore *signing.Sigstore, services []sigstoretest.Service, at time.Time) signing.Author {
	t.Helper()
	token, err := l.Token(claims)
	if err != nil {
		t.Fatal(err)
	}
	config, err := signing.ReadSigningConfig("corp", l.SigningConfig(services...), at)
	if err != nil {
		t.Fatal(err)
	}
	author, err := signing.NewKeyless(context.Background(), sigstore, config, token, b.registry.Transport(), at)
	if err != nil {
		t.Fatal(err)
	}
	return author
}
