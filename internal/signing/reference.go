package signing

import (
	"context"
	"fmt"
	"slices"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/trust"
)

// maxFollowed bounds how many documents are fetched that attestations only refer to.
const maxFollowed = 16

// follow puts the SBOMs that trusted attestations refer to in the place of the references. They are read from where the
// image lies, by the digest that was signed: the location that stands beside it is the signer's word and is never gone to.
func (j *judge) follow(ctx context.Context, s *store, found []finding) []finding {
	may := j.examiner.who(trust.SBOM, nil)
	fetched := map[string][]byte{}
	for i, f := range found {
		if f.err != nil || f.predicate() != evidence.ReferencePredicate || len(f.proof.by(may)) == 0 {
			continue
		}
		found[i] = j.followed(ctx, s, f, fetched)
	}
	return found
}

func (j *judge) followed(ctx context.Context, s *store, f finding, fetched map[string][]byte) finding {
	references, err := evidence.ParseReferences(f.statement.Predicate)
	if err != nil {
		f.err = err
		return f
	}
	at := slices.IndexFunc(references, func(r evidence.Reference) bool { return referred(r.MediaType) != "" })
	if at < 0 {
		return f
	}
	r := references[at]
	document, ok := fetched[r.Digest]
	switch {
	case ok:
	case len(fetched) == maxFollowed:
		j.doubtReference(r, fmt.Sprintf("more than %d are referred to", maxFollowed))
		return f
	default:
		if document, err = s.registry.FetchBlob(ctx, s.subject.Context().Name(), r.Digest, maxDocument); err != nil {
			j.doubtReference(r, said(err))
			return f
		}
		if s.left.Add(-int64(len(document))) < 0 {
			j.doubtReference(r, fmt.Sprintf("more than %d MiB are stored about this image", maxDocuments>>20))
			return f
		}
		fetched[r.Digest] = document
	}
	f.statement.PredicateType, f.statement.Predicate = referred(r.MediaType), document
	if err := evidence.CheckReferred(document); err != nil {
		f.err = fmt.Errorf("%s, which it refers to: %w", r.Digest, err)
	}
	return f
}

func (j *judge) doubtReference(r evidence.Reference, why string) {
	j.attestationDoubts = append(j.attestationDoubts, "the document "+r.Digest+", which an attestation refers to: "+why)
}

// referred is the predicate type that a document of the media type would have stood in its attestation with.
func referred(mediaType string) string {
	switch mediaType {
	case evidence.CycloneDXMediaType:
		return evidence.SBOMPredicate
	case evidence.SPDXMediaType:
		return evidence.SPDXPredicate
	}
	return ""
}
