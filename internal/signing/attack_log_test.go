package signing

import (
	"testing"

	bundles "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/sigstoretest"
)

func TestAttack18WrongLogEntry(t *testing.T) {
	entries := func(change func(*bundles.VerificationMaterial)) func(*keylessBench, *bundles.Bundle) error {
		return func(_ *keylessBench, made *bundles.Bundle) error {
			change(made.GetVerificationMaterial())
			return nil
		}
	}
	without := entries(func(m *bundles.VerificationMaterial) { m.TlogEntries = nil })
	twice := entries(func(m *bundles.VerificationMaterial) { m.TlogEntries = append(m.TlogEntries, m.TlogEntries[0]) })
	proofless := entries(func(m *bundles.VerificationMaterial) { m.TlogEntries[0].InclusionProof = nil })
	moved := entries(func(m *bundles.VerificationMaterial) { m.TlogEntries[0].IntegratedTime += 3600 })
	unstamped := entries(func(m *bundles.VerificationMaterial) { m.TimestampVerificationData = nil })
	other, unknown, unproven := sigstoretest.Faults{OtherArtefact: true}, sigstoretest.Faults{UnknownLog: true}, sigstoretest.Faults{WithoutProof: true}
	newForgeBench(t).tryEach(t, map[string]attempt{
		"Rekor v1, of another artefact":              refusedBecause("signature does not match", forgery{faults: other}),
		"Rekor v2, of another artefact":              refusedBecause("verifying inclusion", forgery{faults: other, services: tiled}),
		"Rekor v1, of a log nobody knows":            refusedBecause("transparency log", forgery{faults: unknown}),
		"Rekor v2, of a log nobody knows":            refusedBecause("transparency log", forgery{faults: unknown, services: tiled}),
		"Rekor v2, without a proof":                  refusedBecause("inclusion proof", forgery{faults: unproven, services: tiled}),
		"Rekor v1, a promise and no proof":           refusedBecause("inclusion proof", forgery{alter: proofless}),
		"Rekor v1, at another time than it promised": refusedBecause("not enough verified log entries", forgery{services: logged[:1], alter: moved}),
		"the same entry twice":                       refusedBecause("duplicate", forgery{alter: twice}),
		"no entry":                                   refusedBecause("transparency log", forgery{alter: without}),
		"no entry, and none is asked for":            {forgery: forgery{alter: without}, without: Without{Log: true}},
		"Rekor v2 without a timestamp":               refusedBecause("threshold not met", forgery{services: tiled, alter: unstamped}),
		"Rekor v1 says when it was":                  {forgery: forgery{alter: unstamped}},
	})
}

func TestAttack19TimestampOfAStranger(t *testing.T) {
	stranger := forgery{services: stamped, faults: sigstoretest.Faults{UnknownTimestamper: true}}
	newForgeBench(t).tryEach(t, map[string]attempt{
		"alone":         {forgery: stranger, without: Without{Log: true}, want: outcome.SignatureUntrusted, says: "threshold not met"},
		"beside a log":  {forgery: forgery{faults: stranger.faults}}, // the log says when
		"beside a tile": refusedBecause("threshold not met", forgery{services: tiled, faults: stranger.faults}),
	})
}
