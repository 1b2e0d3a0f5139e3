package signing

import (
	"context"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Listed is one image of an index, by digest (sha256:<hex>).
type Listed struct{ Platform, Digest string }

// VerifyIndex is Verify for an index as a whole. The index must be signed, and every platform must meet all that is
// required of an image: what is said of a platform lies beside the index, beside the platform's own manifest, or both,
// and goes by its first subject. Of several scans of a platform the newest counts, wherever it lies, and of several
// verification summaries of the platform or the index.
func VerifyIndex(ctx context.Context, registry *image.Registry, index name.Digest, platforms []Listed, of Trust, required Requirements, now time.Time) (Verification, error) {
	v := newVerification(index, of, required, now)
	v.Index = index.DigestStr()
	e, err := required.examiner(of)
	if err != nil {
		return v, err
	}
	whole := judge{repository: index.Context().Name(), digest: index.DigestStr(), required: required, now: now, examiner: e, platforms: map[string]bool{}}
	for _, p := range platforms {
		whole.platforms[p.Digest] = true
	}
	err = whole.read(ctx, newStore(registry, index))
	for _, p := range platforms {
		if err == nil {
			err = v.add(ctx, registry, index, p, whole)
		}
	}
	if err != nil {
		v.Reason = outcome.Of(err).Reason
		return v, err
	}
	v.Requirements = append(v.Requirements, whole.indexSigned()...)
	v.Notes = atMost(whole.notes)
	return v, v.conclude()
}

func (v *Verification) add(ctx context.Context, registry *image.Registry, index name.Digest, of Listed, whole judge) error {
	j := judge{repository: whole.repository, digest: of.Digest, required: whole.required, now: whole.now, examiner: whole.examiner}
	if err := j.read(ctx, newStore(registry, index.Context().Digest(of.Digest))); err != nil {
		return err
	}
	for _, f := range whole.findings {
		if f.err == nil && whole.speaksOf(f, of.Digest) {
			j.findings = append(j.findings, f)
		}
	}
	j.attestationDoubts = append(j.attestationDoubts, whole.attestationDoubts...)
	v.Platforms = append(v.Platforms, PlatformVerification{Platform: of.Platform, Digest: of.Digest,
		Requirements: j.requirements(whole.required.Demands), Notes: atMost(j.notes)})
	return nil
}

// speaksOf says whether what lies beside the index is about the platform. A signature is of the manifest that it lies
// beside, and a verification summary of the index one of all that it lists.
func (j judge) speaksOf(f finding, platform string) bool {
	return f.first() == platform && !f.isSignature() || f.first() == j.digest && isSummary(f)
}

// ofItself leaves out what is said of the platforms.
func (j judge) ofItself() *judge {
	j.findings = slices.DeleteFunc(slices.Clone(j.findings), func(f finding) bool { return f.err == nil && f.first() != j.digest })
	return &j
}
