package sbom

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/format/common/cyclonedxhelpers"
	"github.com/anchore/syft/syft/format/common/spdxhelpers"
	"github.com/anchore/syft/syft/format/syftjson"
	"github.com/google/uuid"
	"github.com/spdx/tools-golang/convert"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/stepseal/stepseal/internal/evidence"
)

// Media types of the documents.
const (
	CycloneDXMediaType = evidence.CycloneDXMediaType
	SPDXMediaType      = evidence.SPDXMediaType
	SyftMediaType      = "application/vnd.syft+json"
)

// schema16 is how a document of CycloneDX 1.6 names its schema.
const schema16 = "http://cyclonedx.org/schema/bom-1.6.schema.json"

// namespace is the UUID space of our documents' ids.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/stepseal/stepseal/sbom"))

// Time is the time that a document carries: SOURCE_DATE_EPOCH where it is set, else when the image was created, never
// the clock. The same image gives the same bytes.
func (c *Catalogue) time(epoch time.Time) time.Time {
	if !epoch.IsZero() {
		return epoch.UTC()
	}
	if c.image == nil || c.image.Created.Before(time.Unix(0, 0)) {
		return time.Unix(0, 0).UTC()
	}
	return c.image.Created.UTC()
}

// id is a UUIDv5 of what the document is about and what made it.
func (c *Catalogue) id(format string) uuid.UUID {
	subject, platform := c.subject, ""
	if c.image != nil {
		platform = c.image.Platform
		if subject == "" { // of a folder nothing else tells one content from another
			if doc, err := c.Syft(); err == nil {
				subject = evidence.Digest(doc)
			}
		}
	}
	return uuid.NewSHA1(namespace, []byte(strings.Join([]string{subject, platform, c.tool.Version, format}, "\n")))
}

// Serial is the serial number of the CycloneDX document, a UUID.
func (c *Catalogue) Serial() string { return c.id("cyclonedx").String() }

// CycloneDX writes CycloneDX 1.6 JSON. Its root component is the image: version, purl and hash name the manifest digest.
// https://cyclonedx.org/docs/1.6/json/
func (c *Catalogue) CycloneDX(epoch time.Time) ([]byte, error) {
	var b bytes.Buffer
	enc := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetEscapeHTML(false).SetPretty(false)
	if err := enc.Encode(c.model(epoch)); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// model is what the CycloneDX document says. What it says of itself is noted on the way, for Assess.
func (c *Catalogue) model(epoch time.Time) *cyclonedx.BOM {
	bom := cyclonedxhelpers.ToFormatModel(*c.content)
	// Nothing in it is younger than 1.6, which a test watches; the library's own way to another version copies all of it.
	bom.SpecVersion, bom.JSONSchema = cyclonedx.SpecVersion1_6, schema16
	if c.from == FromSyftJSON {
		c.told = saidOfSyft(bom, c.content.Descriptor.Name)
	}
	bom.SerialNumber = c.id("cyclonedx").URN()
	bom.Metadata.Timestamp = c.time(epoch).Format(time.RFC3339)
	if c.image != nil {
		root := bom.Metadata.Component
		root.Name = c.rootName()
		root.Version = c.subject
		if c.subject != "" {
			root.PackageURL = c.purl()
			root.BOMRef = root.PackageURL
			root.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: c.hash()}}
		}
	}
	c.made(bom.Metadata)
	c.connect(bom)
	if c.from == FromImage {
		c.told = saidOf(bom)
	}
	return bom
}

// SPDX writes SPDX 2.3 JSON. The package that the document describes is the image: version, purl and checksum name the
// manifest digest.
// https://spdx.github.io/spdx-spec/v2.3/
func (c *Catalogue) SPDX(epoch time.Time) ([]byte, error) {
	var doc v2_3.Document
	if err := convert.Document(spdxhelpers.ToFormatModel(*c.content), &doc); err != nil {
		return nil, err
	}
	doc.DocumentNamespace = fmt.Sprintf("https://github.com/stepseal/stepseal/spdx/%s", c.id("spdx"))
	withoutFiles(&doc)
	doc.CreationInfo.Created = c.time(epoch).Format(time.RFC3339)
	// syft names its own makers as the author of what others make with it.
	doc.CreationInfo.Creators = slices.DeleteFunc(doc.CreationInfo.Creators, func(by common.Creator) bool { return by.CreatorType != "Tool" })
	if root := c.rootPackage(&doc); root != nil {
		doc.DocumentName = c.rootName()
		root.PackageName = c.rootName()
		root.PackageVersion = c.subject
		if c.subject != "" {
			root.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: c.hash()}}
			root.PackageExternalReferences = []*v2_3.PackageExternalReference{{
				Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: c.purl()}}
		}
		c.connectSPDX(&doc, root)
	}
	return evidence.Encode(&doc)
}

// made says when in the life of the software the document was made, and takes out syft's makers, whom it names as the
// makers of the tool. A folder may hold sources or what was built of them.
// https://cyclonedx.org/docs/1.6/json/#metadata_lifecycles
func (c *Catalogue) made(meta *cyclonedx.Metadata) {
	if meta.Tools != nil && meta.Tools.Components != nil {
		for i := range *meta.Tools.Components {
			(*meta.Tools.Components)[i].Author = ""
		}
	}
	if c.afterBuild() {
		meta.Lifecycles = &[]cyclonedx.Lifecycle{{Phase: cyclonedx.LifecyclePhasePostBuild}}
	}
}

// afterBuild says that the content is an image's, and so what a build has made.
func (c *Catalogue) afterBuild() bool { return c.image != nil && c.image.Reference.Folder() == "" }

// rootName is what the documents call the image: its repository, or the folder as it was named.
func (c *Catalogue) rootName() string {
	return cmp.Or(c.image.Reference.Folder(), c.image.Repository())
}

// hash is the hex of the digest, or of the image's id where it has none.
func (c *Catalogue) hash() string { return strings.TrimPrefix(c.subject, "sha256:") }

// withoutFiles leaves out the files that syft lists as evidence of packages: it has no digest of them, and the
// specification demands one.
func withoutFiles(doc *v2_3.Document) {
	files := map[common.ElementID]bool{}
	for _, f := range doc.Files {
		files[f.FileSPDXIdentifier] = true
	}
	doc.Files = nil
	for _, p := range doc.Packages {
		p.Files = nil
	}
	doc.Relationships = slices.DeleteFunc(doc.Relationships, func(r *v2_3.Relationship) bool {
		return files[r.RefA.ElementRefID] || files[r.RefB.ElementRefID]
	})
}

// rootPackage is the package that the document describes.
func (c *Catalogue) rootPackage(doc *v2_3.Document) *v2_3.Package {
	if c.image == nil {
		return nil
	}
	for _, r := range doc.Relationships {
		if r.Relationship != common.TypeRelationshipDescribe || r.RefA.ElementRefID != "DOCUMENT" {
			continue
		}
		for _, p := range doc.Packages {
			if p.PackageSPDXIdentifier == r.RefB.ElementRefID {
				return p
			}
		}
	}
	return nil
}

// Syft writes syft's own JSON, which a later scan reads without loss.
func (c *Catalogue) Syft() ([]byte, error) {
	doc := syftjson.ToFormatModel(*c.content, syftjson.DefaultEncoderConfig())
	return evidence.Encode(&doc)
}

// purl names the image as the purl specification does: the type docker takes an image's id for a version.
// https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md
// https://github.com/package-url/purl-spec/blob/main/types-doc/docker-definition.md
func (c *Catalogue) purl() string {
	if c.image.Digest.Hex == "" {
		return packageurl.NewPackageURL("docker", "", c.image.Reference.Name(), c.subject, nil, "").ToString()
	}
	var qualifiers packageurl.Qualifiers
	arch := strings.SplitN(c.image.Platform, "/", 3)
	if len(arch) > 1 {
		qualifiers = append(qualifiers, packageurl.Qualifier{Key: "arch", Value: arch[1]})
	}
	if c.image.Reference.InRegistry() {
		qualifiers = append(qualifiers, packageurl.Qualifier{Key: "repository_url", Value: c.image.Repository()})
	}
	return packageurl.NewPackageURL("oci", "", strings.ToLower(c.image.Reference.Name()), c.subject, qualifiers, "").ToString()
}
