package steps

import (
	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/provenance"
	"github.com/stepseal/stepseal/internal/vex"
)

// said is what is said of a manifest as a whole: that it is signed, and where it was built.
func (c *chain) said(of string, named bool) []attestation {
	list := []attestation{c.signature(of, named)}
	if c.attesting.provenance != nil {
		p := attestation{what: "provenance attestation", statement: evidence.NewStatement(provenance.PredicateType, c.attesting.provenance, c.repository(), of)}
		if named {
			p.output = "provenance-attestation-digest"
		}
		list = append(list, p)
	}
	return list
}

// documents are the attestations of the part's content that were asked for and that the record allows.
func (p *part) documents() ([]attestation, error) {
	var list []attestation
	for _, attest := range []func() ([]attestation, error){p.sbomAttestation, p.spdxAttestations, p.scanAttestations, p.vexAttestation} {
		some, err := attest()
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	p.flushNotes()
	return list, nil
}

// about is a statement about the platform, and about the index that it is attested with.
func (p *part) about(predicateType string, predicate []byte) evidence.Statement {
	digests := []string{p.platform.Digest}
	if p.whole() {
		digests = append(digests, p.record.Index)
	}
	return evidence.NewStatement(predicateType, predicate, p.repository(), digests...)
}

func (p *part) sbomAttestation() ([]attestation, error) {
	if !p.attesting.has(attestSBOM) {
		return nil, nil
	}
	doc, err := p.sbomDocument()
	switch {
	case err != nil:
		return nil, err
	case doc == nil && p.attesting.asked:
		return nil, p.notHandedOn("SBOM", attestSBOM)
	case doc == nil:
		p.Warn("no SBOM was handed on: %s is signed without an SBOM attestation", p.label())
		return nil, nil
	}
	return []attestation{{"SBOM attestation", "sbom-attestation-digest", p.about(evidence.SBOMPredicate, doc)}}, nil
}

func (p *part) notHandedOn(what, kind string) error {
	return outcome.New(outcome.EvidenceUnusable, "no %s of %s was handed on to attest", what, p.label()).
		Hint("hand on evidence that holds it, or leave %s out of --attest", kind)
}

// spdxAttestations are one or two: consumers look for different predicate types.
func (p *part) spdxAttestations() ([]attestation, error) {
	if !p.attesting.has(attestSPDX) {
		return nil, nil
	}
	d, ok := p.platform.Document(evidence.RoleSBOMSPDX)
	if !ok {
		return nil, p.notHandedOn("SPDX SBOM", attestSPDX)
	}
	doc, err := p.record.Read(d)
	if err != nil {
		return nil, err
	}
	version, err := evidence.CheckSPDX(doc)
	if err != nil {
		return nil, outcome.New(outcome.SBOMUnreadable, "SPDX SBOM of %s", p.name()).Because(err)
	}
	if err := p.describesThis(doc); err != nil {
		return nil, err
	}
	types := map[string][]string{
		spdxUnversioned: {evidence.SPDXPredicate},
		spdxVersioned:   {evidence.SPDXVersionPredicate(version)},
		spdxBoth:        {evidence.SPDXPredicate, evidence.SPDXVersionPredicate(version)},
	}
	var list []attestation
	for _, predicateType := range types[spdxTypeInput.Of(p.Run)] {
		list = append(list, attestation{what: "SPDX SBOM attestation (" + predicateType + ")", statement: p.about(predicateType, doc)})
	}
	return list, nil
}

// scanAttestations look at the scan even where it is not attested: without an accepted one nothing is signed.
func (p *part) scanAttestations() ([]attestation, error) {
	scan, err := p.acceptedScan()
	if err != nil || scan == nil {
		return nil, err
	}
	var list []attestation
	if p.attesting.has(attestScan) {
		predicate, err := scan.Predicate()
		if err != nil {
			return nil, err
		}
		list = append(list, attestation{"scan attestation", "scan-attestation-digest", p.about(evidence.ScanPredicate, predicate)})
	}
	if p.attesting.has(attestVulnerabilities) {
		predicate, err := scan.Vulnerabilities()
		if err != nil {
			return nil, outcome.New(outcome.EvidenceUnusable, "scan of %s", p.name()).Because(err)
		}
		list = append(list, attestation{what: "vulnerabilities attestation", statement: p.about(evidence.VulnerabilitiesPredicate, predicate)})
	}
	return list, nil
}

// vexAttestation is none where scan-gate had no waiver to write down, which is nothing that is missing.
func (p *part) vexAttestation() ([]attestation, error) {
	if !p.attesting.has(attestVEX) {
		return nil, nil
	}
	d, ok := p.platform.Document(evidence.RoleVEX)
	if !ok {
		p.Note("sign-attest: no VEX of %s was handed on to attest; scan-gate --reports openvex writes the waivers in use", p.label())
		return nil, nil
	}
	doc, err := p.record.Read(d)
	if err == nil {
		if err = evidence.CheckOpenVEX(doc); err != nil {
			return nil, outcome.New(outcome.VEXUnreadable, "VEX of %s", p.name()).Because(err)
		}
		_, err = vex.Read(d.Path, doc)
	}
	if err != nil {
		return nil, err
	}
	return []attestation{{what: "VEX attestation", statement: p.about(evidence.VEXPredicate, doc)}}, nil
}
