package sbom

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/format/common/spdxhelpers"
	"github.com/anchore/syft/syft/format/cyclonedxjson"
	"github.com/anchore/syft/syft/format/syftjson"
	syft "github.com/anchore/syft/syft/sbom"
	"github.com/spdx/tools-golang/spdx"

	spdxjson "github.com/spdx/tools-golang/json"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// Bounds of a document, checked before any decoder sees it: they recurse as deep as they are told to, and make a
// kilobyte of an empty object.
var bounds = strictjson.Bounds{Bytes: 256 << 20, Depth: 100, Values: 2_000_000, Elements: 500_000, Text: 1 << 20}

// Read takes a document back into a catalogue: CycloneDX in JSON or XML, SPDX in JSON or as tag-value, or syft JSON, of
// anybody's making. name is for messages.
func Read(name string, doc []byte) (*Catalogue, error) {
	var c *Catalogue
	// A decoder that panics on foreign bytes has met a document that cannot be read.
	err := survived(func() (err error) {
		c, err = read(doc)
		return err
	})
	if err != nil {
		bad := outcome.New(outcome.SBOMUnreadable, "SBOM %s", name).Because(err)
		if errors.Is(err, errAttestation) {
			bad.Hint("name the image with --image, and say --sbom from-attestation (with --public-key) for what was signed, or --sbom from-image for what BuildKit left beside it")
		}
		return nil, bad
	}
	return c, nil
}

func survived(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder gave up: %.200v", p)
		}
	}()
	return work()
}

func read(doc []byte) (*Catalogue, error) {
	doc, from, err := asJSON(doc)
	if err != nil {
		return nil, err
	}
	subject, err := evidence.SBOMSubject(doc)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{from: from, subject: subject}
	switch from {
	case FromSPDX, FromSPDXTagValue:
		err = c.readSPDX(doc)
	case FromCycloneDX, FromCycloneDXXML:
		c.name = rootName(doc)
		err = c.readCycloneDX(doc)
	default:
		c.content, err = decode(syftjson.NewFormatDecoder(), doc)
	}
	if err != nil {
		return nil, err
	}
	return c, c.shortEnough()
}

// maxIdentity bounds what names a package: it is shown, and compared with every record.
const maxIdentity = 8 << 10

func (c *Catalogue) shortEnough() error {
	for _, p := range c.All() {
		for _, text := range []struct{ what, is string }{{"name", p.Name}, {"version", p.Version}, {"purl", p.PURL}} {
			if len(text.is) > maxIdentity {
				return fmt.Errorf("the %s of the package %.80q has %d bytes, more than %d", text.what, p.Name, len(text.is), maxIdentity)
			}
		}
	}
	return nil
}

// asJSON brings every form into JSON, checked: what follows has one form of each format to look at.
func asJSON(doc []byte) ([]byte, Format, error) {
	doc = bytes.TrimPrefix(doc, []byte("\ufeff")) // Microsoft's sbom-tool writes one
	switch {
	case isXML(doc):
		doc, err := fromXML(doc)
		return doc, FromCycloneDXXML, err
	case isTagValue(doc):
		doc, err := fromTagValue(doc)
		return doc, FromSPDXTagValue, err
	}
	if err := strictjson.Check(doc, bounds); err != nil {
		return nil, "", err
	}
	return formatOf(doc)
}

// errAttestation says that somebody has to verify the document before it can be read.
var errAttestation = errors.New("an attestation around a document, and not a document: who made it, and of which image, is checked on the image")

// formatOf looks at the marks that the specifications demand of their documents. GitHub's API wraps one.
func formatOf(doc []byte) ([]byte, Format, error) {
	var head struct {
		BOMFormat   string `json:"bomFormat"`
		SPDXVersion string `json:"spdxVersion"`
		Schema      struct {
			URL string `json:"url"`
		} `json:"schema"`
		GitHub json.RawMessage `json:"sbom"`

		Statement string          `json:"_type"`       // in-toto
		Envelope  string          `json:"payloadType"` // DSSE
		Bundle    json.RawMessage `json:"dsseEnvelope"`
	}
	marks := strictjson.Pick(doc, "bomFormat", "spdxVersion", "schema", "sbom", "_type", "payloadType", "dsseEnvelope")
	if err := json.Unmarshal(marks, &head); err != nil {
		return nil, "", fmt.Errorf("not an SBOM: %w", err)
	}
	switch {
	case head.BOMFormat == "CycloneDX":
		return doc, FromCycloneDX, nil
	case head.SPDXVersion != "":
		return doc, FromSPDX, nil
	case head.Schema.URL != "":
		return doc, FromSyftJSON, nil
	case head.Statement != "" || head.Envelope != "" || head.Bundle != nil:
		return nil, "", errAttestation
	case len(head.GitHub) > 0 && head.GitHub[0] == '{':
		return formatOf(head.GitHub)
	}
	return nil, "", errors.New("neither CycloneDX, SPDX 2 nor syft JSON")
}

// rootName is the name of a CycloneDX document's root component; by its purl, where that has a repository.
func rootName(doc []byte) string {
	var bom struct {
		Metadata struct {
			Component struct {
				Name string `json:"name"`
				PURL string `json:"purl"`
			} `json:"component"`
		} `json:"metadata"`
	}
	if json.Unmarshal(doc, &bom) != nil {
		return ""
	}
	if purl, err := packageurl.FromString(bom.Metadata.Component.PURL); err == nil {
		if repository := purl.Qualifiers.Map()["repository_url"]; repository != "" {
			return repository
		}
	}
	return bom.Metadata.Component.Name
}

func decode(with syft.FormatDecoder, doc []byte) (*syft.SBOM, error) {
	content, _, _, err := with.Decode(bytes.NewReader(doc))
	if err == nil && content == nil {
		err = errors.New("empty document")
	}
	return content, err
}

func (c *Catalogue) readCycloneDX(doc []byte) error {
	told, err := readComponents(doc)
	if err != nil {
		return err
	}
	if c.content, err = decode(cyclonedxjson.NewFormatDecoder(), doc); err != nil {
		return err
	}
	c.lost, c.hidden = told.lost, told.hidden
	c.dropRoot(told.root)
	c.content.Artifacts.Packages.Delete(told.lists...)
	c.adjust(told.upstreams)
	return nil
}

func (c *Catalogue) readSPDX(doc []byte) error {
	parsed, err := spdxjson.Read(bytes.NewReader(doc))
	if err != nil {
		return fmt.Errorf("not SPDX: %w", err)
	}
	upstreams, err := tidySPDX(parsed)
	if err != nil {
		return err
	}
	if c.content, err = spdxhelpers.ToSyftModel((*spdx.Document)(parsed)); err != nil {
		return err
	}
	c.name = cmp.Or(c.content.Source.Name, c.name)
	c.adjust(upstreams)
	return nil
}
