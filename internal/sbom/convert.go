package sbom

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/spdx/tools-golang/tagvalue"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/stricttext"
)

// Documents that are not JSON are a few megabytes at most, and slower to decode.
var (
	xmlBounds      = stricttext.XMLBounds{Bytes: 64 << 20, Depth: 100, Elements: 2_000_000, Attributes: 100, Tag: 64 << 10}
	tagValueBounds = stricttext.TagValueBounds{Bytes: 64 << 20, Lines: 2_000_000, Line: 60 << 10, Text: 1000}
)

func isXML(doc []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(doc), []byte("<")) }

// fromXML turns CycloneDX XML into the JSON that says the same.
func fromXML(doc []byte) ([]byte, error) {
	if err := stricttext.XML(doc, xmlBounds); err != nil {
		return nil, err
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(doc), cyclonedx.BOMFileFormatXML).Decode(&bom); err != nil {
		return nil, fmt.Errorf("not CycloneDX: %w", err)
	}
	if bom.SpecVersion == 0 {
		return nil, fmt.Errorf("the namespace %.80q is of no CycloneDX version that is known", bom.XMLNS)
	}
	if bom.BOMFormat = "CycloneDX"; bom.Components == nil {
		bom.Components = &[]cyclonedx.Component{}
	}
	var b bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetEscapeHTML(false).Encode(&bom)
	return b.Bytes(), err
}

// isTagValue looks for the line that the specification wants first; some write a comment before it.
func isTagValue(doc []byte) bool {
	for line := range strings.Lines(string(doc[:min(len(doc), 4096)])) {
		if strings.HasPrefix(strings.TrimSpace(line), "SPDXVersion:") {
			return true
		}
	}
	return false
}

// fromTagValue turns SPDX tag-value into the JSON that says the same.
func fromTagValue(doc []byte) ([]byte, error) {
	doc, err := stricttext.TagValue(doc, tagValueBounds)
	if err != nil {
		return nil, err
	}
	parsed, err := tagvalue.Read(bytes.NewReader(doc))
	if err != nil {
		return nil, fmt.Errorf("not SPDX: %w", err)
	}
	return evidence.Encode(parsed)
}
