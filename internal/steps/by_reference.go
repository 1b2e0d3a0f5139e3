package steps

import (
	"context"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// detachable tells the documents that may lie beside the image instead of in their attestation, and how they are called
// there.
func detachable(predicateType string) (mediaType, title string) {
	switch {
	case predicateType == evidence.SBOMPredicate:
		return evidence.CycloneDXMediaType, cycloneDXFile
	case strings.HasPrefix(predicateType, evidence.SPDXPredicate):
		return evidence.SPDXMediaType, spdxFile
	}
	return "", ""
}

// byReference puts documents that are larger than asked for, or than a log takes, beside the image, as artefacts about it, and has their digests
// attested instead of themselves. Of all others it says who will not take what is so large.
func (c *chain) byReference(ctx context.Context, subjects []attested, logged bool) error {
	done := map[string]evidence.Statement{} // an index and its platforms say the same
	for i := range subjects {
		for j := range subjects[i].attestations {
			a := &subjects[i].attestations[j]
			known, ok := done[a.what]
			if !ok {
				var err error
				if known, err = c.detached(ctx, *a, logged); err != nil {
					return err
				}
				done[a.what] = known
			}
			a.statement = evidence.Statement{Subject: a.statement.Subject, PredicateType: known.PredicateType, Predicate: known.Predicate}
		}
		subjects[i].attestations = onlyOnce(subjects[i].attestations)
	}
	return nil
}

// detached is the statement that refers to the document, or the one that holds it where it is small enough.
func (c *chain) detached(ctx context.Context, a attestation, logged bool) (evidence.Statement, error) {
	mediaType, title := detachable(a.statement.PredicateType)
	tooLarge := tooLargeFor(a, logged)
	inLog := slices.ContainsFunc(tooLarge, func(by evidence.Consumer) bool { return by.Log })
	if mediaType == "" || int64(len(a.statement.Predicate)) <= referenceAboveInput.Of(c.Run) && !inLog {
		c.warnOfSize(a, tooLarge)
		return a.statement, nil
	}
	document, about := a.statement.Predicate, "sha256:"+a.statement.Subject[0].Digest["sha256"]
	artefact, err := c.registry.Publish(ctx, c.repository(), about, mediaType, []image.Document{{Title: title, MediaType: mediaType, Read: func() ([]byte, error) { return document, nil }}})
	if err != nil {
		return evidence.Statement{}, err
	}
	digest := evidence.Digest(document)
	at, err := c.registry.Digest(c.repository(), digest)
	if err != nil {
		return evidence.Statement{}, err
	}
	reference := evidence.Reference{Digest: digest, MediaType: mediaType, Artefact: evidence.ImageURI(c.repository(), artefact),
		Location: at.Scheme() + "://" + at.RegistryStr() + "/v2/" + at.RepositoryStr() + "/blobs/" + digest}
	predicate, err := reference.Predicate()
	if err != nil {
		return evidence.Statement{}, outcome.New(outcome.Unexpected, "%s of %s", a.what, c.name()).Because(err)
	}
	c.Note("sign-attest: the document of the %s has %d bytes: it lies beside the image as %s, and its digest is attested", a.what, len(document), artefact)
	return evidence.Statement{PredicateType: evidence.ReferencePredicate, Predicate: predicate}, nil
}

// onlyOnce leaves one of the references to a document that was to be attested under two types.
func onlyOnce(list []attestation) []attestation {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(a attestation) bool {
		if a.statement.PredicateType != evidence.ReferencePredicate {
			return false
		}
		key := a.statement.Subject[0].Digest["sha256"] + string(a.statement.Predicate)
		again := seen[key]
		seen[key] = true
		return again
	})
}

// tooLargeFor are those who fail with an attestation of this size. A log is among them only where it takes all of it: a
// signature by a key is in none, and a Rekor v2 takes a hash.
func tooLargeFor(a attestation, logged bool) []evidence.Consumer {
	return slices.DeleteFunc(evidence.TooLargeFor(len(a.statement.Predicate)), func(by evidence.Consumer) bool { return by.Log && !logged })
}

func (c *chain) warnOfSize(a attestation, tooLarge []evidence.Consumer) {
	var names []string
	for _, by := range tooLarge {
		names = append(names, by.Name)
	}
	if len(names) > 0 {
		c.Warn("the %s has %d bytes, which is too large for %s", a.what, len(a.statement.Predicate), strings.Join(names, ", "))
	}
}
