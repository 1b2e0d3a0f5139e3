package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/format/cyclonedxjson"
	"github.com/anchore/syft/syft/format/spdxjson"
	"github.com/anchore/syft/syft/format/syftjson"
	syft "github.com/anchore/syft/syft/sbom"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// Bounds of a document, checked before syft's decoders see it: they recurse as deep as they are told to.
var bounds = strictjson.Bounds{Bytes: 256 << 20, Depth: 100}

// Read takes a CycloneDX, SPDX or syft JSON document back into a catalogue. name is for messages.
func Read(name string, doc []byte) (*Catalogue, error) {
	bad := func(err error) error { return outcome.New(outcome.SBOMUnreadable, "SBOM %s", name).Because(err) }
	if err := strictjson.Check(doc, bounds); err != nil {
		return nil, bad(err)
	}
	format, err := formatOf(doc)
	if err != nil {
		return nil, bad(err)
	}
	content, err := decode(format, doc)
	if err != nil {
		return nil, bad(err)
	}
	subject, err := evidence.SBOMSubject(doc)
	if err != nil {
		return nil, bad(err)
	}
	return &Catalogue{content: content, from: format, subject: subject, name: rootName(doc)}, nil
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

// formatOf looks at the marks that the specifications demand of their documents.
func formatOf(doc []byte) (Format, error) {
	var head struct {
		BOMFormat   string `json:"bomFormat"`
		SPDXVersion string `json:"spdxVersion"`
		Schema      struct {
			URL string `json:"url"`
		} `json:"schema"`
	}
	if err := json.Unmarshal(doc, &head); err != nil {
		return "", fmt.Errorf("not an SBOM: %w", err)
	}
	switch {
	case head.BOMFormat == "CycloneDX":
		return FromCycloneDX, nil
	case head.SPDXVersion != "":
		return FromSPDX, nil
	case head.Schema.URL != "":
		return FromSyftJSON, nil
	}
	return "", errors.New("neither CycloneDX, SPDX nor syft JSON")
}

func decode(format Format, doc []byte) (content *syft.SBOM, err error) {
	decoder := map[Format]syft.FormatDecoder{
		FromCycloneDX: cyclonedxjson.NewFormatDecoder(),
		FromSPDX:      spdxjson.NewFormatDecoder(),
		FromSyftJSON:  syftjson.NewFormatDecoder(),
	}[format]
	// A decoder that panics on foreign bytes has met a document that cannot be read.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder gave up: %v", p)
		}
	}()
	content, _, _, err = decoder.Decode(bytes.NewReader(doc))
	if err == nil && content == nil {
		err = errors.New("empty document")
	}
	return content, err
}
