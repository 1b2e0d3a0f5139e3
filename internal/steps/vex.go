package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/vex"
)

// attestedVEX in --vex asks for the documents that were attested on the image.
const attestedVEX = "attested"

// maxVEX bounds a VEX document.
const maxVEX = 64 << 20

// vexFiles reads the documents that are named, and tells what of them counts for nothing.
func vexFiles(r *step.Run) ([]policy.Statement, error) {
	var all []policy.Statement
	for _, file := range vexInput.Of(r) {
		if file == attestedVEX {
			continue
		}
		content, err := evidence.ReadFile(file, maxVEX)
		if err != nil {
			return nil, outcome.New(outcome.VEXUnreadable, "VEX document %s", file).Because(step.Bare(err))
		}
		doc, err := vex.Read(file, content)
		if err != nil {
			return nil, err
		}
		for _, note := range doc.Notes {
			r.Warn("%s: %s", file, note)
		}
		all = append(all, statements(doc, policy.VEXSource{Document: file, Author: doc.Author})...)
	}
	return all, nil
}

func statements(doc vex.Document, source policy.VEXSource) []policy.Statement {
	all := make([]policy.Statement, len(doc.Statements))
	for i, s := range doc.Statements {
		all[i] = policy.Statement{Statement: s, Source: source}
	}
	return all
}

func asksForAttestedVEX(r *step.Run) bool { return slices.Contains(vexInput.Of(r), attestedVEX) }

// vexAttested reads what the trusted key attested about the part's image. A document that is signed and cannot be read, or
// that somebody else signed, counts for nothing and is told.
func (p *part) vexAttested(ctx context.Context) ([]policy.Statement, error) {
	if !asksForAttestedVEX(p.Run) {
		return nil, nil
	}
	if p.platform.Digest == "" {
		return nil, outcome.New(outcome.UnsupportedSource, "--vex attested: %s is not in a registry, where attestations live", p.label()).Hint("push it first, or name the documents as files")
	}
	of, err := whomToTrust(ctx, p.chain)
	if err != nil {
		return nil, err
	}
	subject, err := p.registry.Digest(p.repository(), p.platform.Digest)
	if err != nil {
		return nil, err
	}
	found, doubts, err := signing.AttestedVEX(ctx, p.registry, subject, of.Trust, p.Now())
	if err != nil {
		return nil, err
	}
	for _, doubt := range doubts {
		p.Warn("%s: an attested VEX document does not count: %s", p.label(), doubt)
	}
	var all []policy.Statement
	for _, one := range found {
		name := "attested on " + subject.String()
		doc, err := vex.Read(name, one.Predicate)
		if err != nil {
			p.Warn("an attested VEX document does not count: %s", err)
			continue
		}
		for _, note := range doc.Notes {
			p.Warn("%s: %s", name, note)
		}
		all = append(all, statements(doc, policy.VEXSource{Document: fmt.Sprintf("%s (%s)", doc.ID, name), Author: doc.Author, Signer: one.Signer})...)
	}
	return all, nil
}

// vexSubject is the image as VEX statements name it.
func (p *part) vexSubject() vex.Image {
	os, arch, _ := strings.Cut(strings.Split(p.platform.Platform, ":")[0], "/")
	of := vex.Image{Repository: p.repository(), OS: os, Arch: strings.Split(arch, "/")[0]}
	for _, digest := range []string{p.platform.Digest, p.record.Digest, p.platform.ID} {
		if digest != "" && !slices.Contains(of.Digests, digest) {
			of.Digests = append(of.Digests, digest)
		}
	}
	if p.set != nil {
		of.Tag = p.set.Reference.Tag()
	}
	if p.img != nil && p.catalogue.ReadAs() == "" {
		of.BOMs = []string{p.catalogue.Serial()}
	}
	return of
}
