package sbom

import (
	"bytes"
	"fmt"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

func saidByCycloneDX(doc []byte) (*said, error) {
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(doc), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return nil, fmt.Errorf("not CycloneDX: %w", err)
	}
	return saidOf(&bom), nil
}

func saidOf(bom *cyclonedx.BOM) *said {
	var s said
	if m := bom.Metadata; m != nil {
		s.timestamp = isTime(m.Timestamp)
		s.tool = namesTool(m.Tools)
		s.author = anyContact(m.Authors) || m.Manufacturer != nil && asserts(m.Manufacturer.Name)
		if m.Lifecycles != nil {
			for _, l := range *m.Lifecycles {
				s.context = s.context || anyAsserts(string(l.Phase), l.Name)
			}
		}
	}
	r := relations{at: map[string]bool{}}
	r.read(bom.Dependencies)
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		r.add(&s, *bom.Metadata.Component, false)
	}
	if bom.Components != nil {
		for _, c := range *bom.Components {
			r.add(&s, c, false)
		}
	}
	return &s
}

// saidOfSyft is what syft's own form says: what of it would stand in a CycloneDX document. It says neither when nor by
// whom it was made.
func saidOfSyft(bom *cyclonedx.BOM, tool string) *said {
	s := saidOf(bom)
	s.author, s.timestamp, s.context, s.tool = false, false, false, asserts(tool)
	return s
}

// relations are the components of which the document says what they depend on, or what depends on them.
type relations struct{ at map[string]bool }

func (r relations) read(list *[]cyclonedx.Dependency) {
	if list == nil {
		return
	}
	for _, d := range *list {
		r.at[d.Ref] = true
		if d.Dependencies != nil {
			for _, ref := range *d.Dependencies {
				r.at[ref] = true
			}
		}
	}
}

// add takes a component and those within it, which are related by that.
func (r relations) add(s *said, c cyclonedx.Component, within bool) {
	if _, is := software[string(c.Type)]; is && !isLockFile(c) {
		s.components = append(s.components, traits{
			supplier:   c.Supplier != nil && asserts(c.Supplier.Name) || c.Manufacturer != nil && asserts(c.Manufacturer.Name) || asserts(c.Publisher),
			producer:   c.Supplier != nil && asserts(c.Supplier.Name) || c.Manufacturer != nil && asserts(c.Manufacturer.Name) || anyAsserts(c.Publisher, c.Author) || anyContact(c.Authors),
			name:       asserts(c.Name),
			version:    asserts(c.Version),
			identifier: anyAsserts(c.PackageURL, c.CPE) || c.SWID != nil && asserts(c.SWID.TagID) || anyOf(c.OmniborID) || anyOf(c.SWHID),
			related:    within || c.BOMRef != "" && r.at[c.BOMRef],
			hash:       hashed(c.Hashes),
			licence:    licensed(c.Licenses),
		})
	}
	if c.Components != nil {
		for _, part := range *c.Components {
			r.add(s, part, true)
		}
	}
}

// isLockFile tells Trivy's lock files, which it calls applications.
func isLockFile(c cyclonedx.Component) bool {
	if c.Type != cyclonedx.ComponentTypeApplication || c.Version != "" || c.PackageURL != "" || c.Properties == nil {
		return false
	}
	for _, p := range *c.Properties {
		if p.Name == "aquasecurity:trivy:Class" && p.Value == "lang-pkgs" {
			return true
		}
	}
	return false
}

func namesTool(tools *cyclonedx.ToolsChoice) bool {
	if tools == nil {
		return false
	}
	var names []string
	if tools.Tools != nil {
		for _, t := range *tools.Tools {
			names = append(names, t.Name)
		}
	}
	if tools.Components != nil {
		for _, c := range *tools.Components {
			names = append(names, c.Name)
		}
	}
	if tools.Services != nil {
		for _, s := range *tools.Services {
			names = append(names, s.Name)
		}
	}
	return anyAsserts(names...)
}

func anyContact(list *[]cyclonedx.OrganizationalContact) bool {
	if list == nil {
		return false
	}
	for _, c := range *list {
		if anyAsserts(c.Name, c.Email) {
			return true
		}
	}
	return false
}

func anyOf(list *[]string) bool { return list != nil && anyAsserts(*list...) }

func hashed(list *[]cyclonedx.Hash) bool {
	if list == nil {
		return false
	}
	for _, h := range *list {
		if h.Algorithm != "" && asserts(h.Value) {
			return true
		}
	}
	return false
}

func licensed(list *cyclonedx.Licenses) bool {
	if list == nil {
		return false
	}
	for _, l := range *list {
		if asserts(l.Expression) || l.License != nil && anyAsserts(l.License.ID, l.License.Name) {
			return true
		}
	}
	return false
}

// isTime tells a time of ISO 8601 as both formats write it.
func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}
