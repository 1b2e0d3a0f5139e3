package transcripts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
)

// attested REPOSITORY DIGEST TYPE COUNT [FILE] counts the bundles of a predicate type that are attached to a digest, and
// writes the predicate of the last one into a file. Every one of them is about that digest.
func attested(ts *testscript.TestScript, neg bool, args []string) {
	found := predicates(ts, args[0], args[1], args[2])
	if want, err := strconv.Atoi(args[3]); err != nil || len(found) != want {
		ts.Fatalf("%d attestations of the type %s", len(found), args[2])
	}
	if len(args) > 4 {
		ts.Check(os.WriteFile(ts.MkAbs(args[4]), found[len(found)-1], 0o644))
	}
}

func predicates(ts *testscript.TestScript, repository, digest, predicateType string) (found [][]byte) {
	ctx := context.Background()
	access, err := image.NewRegistry(image.Access{})
	ts.Check(err)
	subject, err := access.Digest(repository, digest)
	ts.Check(err)
	referrers, err := access.Referrers(ctx, subject)
	ts.Check(err)
	for _, r := range referrers {
		manifest, err := access.FetchManifest(ctx, repository, r.Digest.String())
		ts.Check(err)
		if s, ok := statementIn(ts, access, repository, manifest); ok && s.PredicateType == predicateType {
			if !about(s, digest) {
				ts.Fatalf("%s is attached to %s and not about it", r.Digest, digest)
			}
			found = append(found, s.Predicate)
		}
	}
	return found
}

func about(s evidence.Statement, digest string) bool {
	for _, subject := range s.Subject {
		if "sha256:"+subject.Digest["sha256"] == digest {
			return true
		}
	}
	return false
}

// statementIn is the statement of a bundle; what else lies beside an image is none.
func statementIn(ts *testscript.TestScript, access *image.Registry, repository string, manifest []byte) (evidence.Statement, bool) {
	var m struct {
		Layers []struct {
			MediaType, Digest string
			Size              int64
		}
	}
	ts.Check(json.Unmarshal(manifest, &m))
	if m.Layers[0].MediaType != "application/vnd.dev.sigstore.bundle.v0.3+json" {
		return evidence.Statement{}, false
	}
	content, err := access.FetchBlob(context.Background(), repository, m.Layers[0].Digest, m.Layers[0].Size)
	ts.Check(err)
	var bundle struct{ DSSEEnvelope struct{ Payload string } }
	ts.Check(json.Unmarshal(content, &bundle))
	payload, err := base64.StdEncoding.DecodeString(bundle.DSSEEnvelope.Payload)
	ts.Check(err)
	s, err := evidence.ParseStatement(payload)
	ts.Check(err)
	return s, true
}
