package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// ErrTwoSubjects says that an SBOM names more than one image as the one that it describes.
var ErrTwoSubjects = errors.New("the SBOM names more than one image as the one it describes")

// SBOMSubject is the digest (sha256:<hex>) of the image that a CycloneDX, SPDX or syft JSON document says it describes,
// empty where it does not say. In CycloneDX the root component says so by its version, its purl or its hashes, in SPDX
// the package that the document DESCRIBES. Whoever does not trust the document has put it through strictjson.
func SBOMSubject(doc []byte) (digest string, err error) {
	if !json.Valid(doc) {
		return "", errors.New("not an SBOM: not JSON")
	}
	return sbomSubject(doc)
}

// SBOMSubject is that of an SBOM which is the predicate. ParseStatement has found it to be JSON, and it may be large.
func (s Statement) SBOMSubject() (digest string, err error) { return sbomSubject(s.Predicate) }

func sbomSubject(doc []byte) (digest string, err error) {
	var sbom struct {
		cycloneDX
		spdx
		syftJSON
		Graph json.RawMessage `json:"@graph"` // SPDX 3, whose content is not looked into
	}
	said := strictjson.Pick(doc, "bomFormat", "metadata", "spdxVersion", "documentDescribes", "packages", "relationships", "schema", "source", "@graph")
	if err := json.Unmarshal(said, &sbom); err != nil {
		return "", fmt.Errorf("not an SBOM: %w", err)
	}
	switch {
	case sbom.BOMFormat == "CycloneDX":
		return onlyOne(sbom.cycloneDX.subjects())
	case strings.HasPrefix(sbom.SPDXVersion, "SPDX-"):
		return onlyOne(sbom.spdx.subjects())
	case sbom.Schema.URL != "" && sbom.Source.Type != "":
		return onlyOne(sbom.syftJSON.subjects())
	case len(sbom.Graph) > 0:
		return "", nil
	}
	return "", errors.New("not an SBOM: neither CycloneDX, SPDX nor syft JSON")
}

func onlyOne(digests []string) (string, error) {
	found := ""
	for _, d := range digests {
		switch {
		case d == "" || d == found:
		case found == "":
			found = d
		default:
			return "", ErrTwoSubjects
		}
	}
	return found, nil
}

// https://cyclonedx.org/docs/1.6/json/#metadata_component
type cycloneDX struct {
	BOMFormat string `json:"bomFormat"`
	Metadata  struct {
		Component struct {
			Version string `json:"version"`
			PURL    string `json:"purl"`
			Hashes  []struct {
				Alg     string `json:"alg"`
				Content string `json:"content"`
			} `json:"hashes"`
		} `json:"component"`
	} `json:"metadata"`
}

func (d cycloneDX) subjects() []string {
	root := d.Metadata.Component
	found := []string{digestIn(root.Version), digestInPURL(root.PURL)}
	for _, h := range root.Hashes {
		if h.Alg == "SHA-256" {
			found = append(found, digestIn("sha256:"+h.Content))
		}
	}
	return found
}

// https://spdx.github.io/spdx-spec/v2.3/
type spdx struct {
	SPDXVersion string   `json:"spdxVersion"`
	Describes   []string `json:"documentDescribes"` // the short form of 2.2
	Packages    []struct {
		ID        string `json:"SPDXID"`
		Version   string `json:"versionInfo"`
		Checksums []struct {
			Algorithm string `json:"algorithm"`
			Value     string `json:"checksumValue"`
		} `json:"checksums"`
		Refs []struct {
			Type    string `json:"referenceType"`
			Locator string `json:"referenceLocator"`
		} `json:"externalRefs"`
	} `json:"packages"`
	Relationships []struct {
		Element string `json:"spdxElementId"`
		Kind    string `json:"relationshipType"`
		Related string `json:"relatedSpdxElement"`
	} `json:"relationships"`
}

const spdxDocument = "SPDXRef-DOCUMENT"

func (d spdx) subjects() []string {
	roots := map[string]bool{}
	for _, id := range d.Describes {
		roots[id] = true
	}
	for _, r := range d.Relationships {
		if r.Kind == "DESCRIBES" && r.Element == spdxDocument {
			roots[r.Related] = true
		}
		if r.Kind == "DESCRIBED_BY" && r.Related == spdxDocument {
			roots[r.Element] = true
		}
	}
	var found []string
	for _, p := range d.Packages {
		if !roots[p.ID] {
			continue
		}
		found = append(found, digestIn(p.Version))
		for _, c := range p.Checksums {
			if c.Algorithm == "SHA256" {
				found = append(found, digestIn("sha256:"+c.Value))
			}
		}
		for _, r := range p.Refs {
			if r.Type == "purl" {
				found = append(found, digestInPURL(r.Locator))
			}
		}
	}
	return found
}

type syftJSON struct {
	Schema struct {
		URL string `json:"url"`
	} `json:"schema"`
	Source struct {
		Type     string          `json:"type"`
		Version  string          `json:"version"`
		Metadata json.RawMessage `json:"metadata"` // of another shape for every type of source
	} `json:"source"`
}

func (d syftJSON) subjects() []string {
	var image struct {
		ManifestDigest string `json:"manifestDigest"`
	}
	if d.Source.Type != "image" || json.Unmarshal(d.Source.Metadata, &image) != nil {
		return []string{digestIn(d.Source.Version)}
	}
	return []string{digestIn(d.Source.Version), digestIn(image.ManifestDigest)}
}

// digestIn is the text if it is a digest, in whatever case its hex is written.
func digestIn(text string) string {
	if text = strings.ToLower(text); IsDigest(text) {
		return text
	}
	return ""
}

// digestInPURL reads the version of a package URL of an image.
// https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md
func digestInPURL(purl string) string {
	if !strings.HasPrefix(purl, "pkg:oci/") && !strings.HasPrefix(purl, "pkg:docker/") {
		return ""
	}
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	_, version, _ := strings.Cut(purl, "@")
	version, err := url.PathUnescape(version)
	if err != nil {
		return ""
	}
	return digestIn(version)
}
