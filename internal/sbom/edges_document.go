package sbom

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/anchore/syft/syft/source"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// What stepseal adds to a CycloneDX document's metadata.
const (
	edgesProperty = "stepseal:edges:" // and a type: how much is known of its packages' dependencies
	layerProperty = "stepseal:layer:" // and a number from 1: the diff id that syft:location:N:layerID names
	createdBy     = ":created-by"     // behind a layer: the line of the Dockerfile, as the image's config has it
)

// connect completes the dependency graph of a CycloneDX document. The root component depends on what nothing else
// depends on; a package that is known to depend on nothing has an empty entry, and one of which nothing is known has
// none; compositions say which lists are complete.
// https://cyclonedx.org/docs/1.6/json/#dependencies
// https://cyclonedx.org/docs/1.6/json/#compositions
func (c *Catalogue) connect(bom *cyclonedx.BOM) {
	d := c.dependencies()
	refs := make([]string, len(d.packages))
	for i := range refs { // syft writes the packages first, and in their order
		refs[i] = (*bom.Components)[i].BOMRef
	}
	var list []cyclonedx.Dependency
	if bom.Dependencies != nil {
		list = *bom.Dependencies
	}
	listed := map[string]bool{}
	for _, one := range list {
		listed[one.Ref] = true
	}
	for i, ref := range refs {
		if d.known[i] != unknown && !listed[ref] {
			list = append(list, cyclonedx.Dependency{Ref: ref})
		}
	}
	if root := bom.Metadata.Component; root != nil && root.BOMRef != "" {
		whole := cyclonedx.Dependency{Ref: root.BOMRef}
		if len(d.roots) > 0 {
			whole.Dependencies = ptr(pick(refs, d.roots))
		}
		list = append(list, whole)
	}
	slices.SortFunc(list, func(a, b cyclonedx.Dependency) int { return strings.Compare(a.Ref, b.Ref) })
	if len(list) > 0 {
		bom.Dependencies = &list
	}
	bom.Compositions = compositions(d, refs)
	c.describe(bom.Metadata)
}

func ptr[T any](value T) *T { return &value }

func pick(refs []string, places []int) []string {
	picked := make([]string, len(places))
	for i, place := range places {
		picked[i] = refs[place]
	}
	slices.Sort(picked)
	return slices.Compact(picked)
}

// compositions says which packages' dependencies are listed wholly, partly or not at all.
func compositions(d dependencies, refs []string) *[]cyclonedx.Composition {
	aggregates := map[knowledge]cyclonedx.CompositionAggregate{
		wholly: cyclonedx.CompositionAggregateComplete, partly: cyclonedx.CompositionAggregateIncomplete, unknown: cyclonedx.CompositionAggregateUnknown}
	var list []cyclonedx.Composition
	for _, known := range []knowledge{wholly, partly, unknown} {
		var of []cyclonedx.BOMReference
		for i, ref := range refs {
			if d.known[i] == known {
				of = append(of, cyclonedx.BOMReference(ref))
			}
		}
		slices.Sort(of)
		if of = slices.Compact(of); len(of) > 0 {
			list = append(list, cyclonedx.Composition{Aggregate: aggregates[known], Dependencies: &of})
		}
	}
	if list == nil {
		return nil
	}
	return &list
}

// describe adds what a reader of the document alone wants to know: how much the edges cover, and which layer is which.
func (c *Catalogue) describe(metadata *cyclonedx.Metadata) {
	var properties []cyclonedx.Property
	if metadata.Properties != nil {
		properties = *metadata.Properties
	}
	for _, of := range c.Edges() {
		properties = append(properties, cyclonedx.Property{Name: edgesProperty + of.Type, Value: of.String()})
	}
	properties = append(properties, c.layers()...)
	if len(properties) > 0 {
		metadata.Properties = &properties
	}
}

// maxCreatedBy bounds a line of the image's history; a heredoc in a Dockerfile may be long.
const maxCreatedBy = 200

func (c *Catalogue) layers() []cyclonedx.Property {
	meta, ok := c.content.Source.Metadata.(source.ImageMetadata)
	if !ok {
		return nil
	}
	lines := history(meta.RawConfig)
	var list []cyclonedx.Property
	for i, layer := range meta.Layers {
		name := fmt.Sprintf("%s%d", layerProperty, i+1)
		list = append(list, cyclonedx.Property{Name: name, Value: layer.Digest})
		if len(lines) == len(meta.Layers) && lines[i] != "" {
			list = append(list, cyclonedx.Property{Name: name + createdBy, Value: lines[i]})
		}
	}
	return list
}

// history is what made each layer, as the image's config tells.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md#properties
func history(config []byte) []string {
	var image struct {
		History []struct {
			CreatedBy  string `json:"created_by"`
			EmptyLayer bool   `json:"empty_layer"`
		} `json:"history"`
	}
	if json.Unmarshal(config, &image) != nil {
		return nil
	}
	var lines []string
	for _, step := range image.History {
		if !step.EmptyLayer {
			line := strings.Join(strings.Fields(step.CreatedBy), " ")
			if len(line) > maxCreatedBy {
				line = strings.ToValidUTF8(line[:maxCreatedBy], "") + "..."
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// connectSPDX relates the packages that nothing else depends on to the one that the document describes, and says in the
// comment of the creation how much the edges cover.
// https://spdx.github.io/spdx-spec/v2.3/relationships-between-SPDX-elements/
func (c *Catalogue) connectSPDX(doc *v2_3.Document, root *v2_3.Package) {
	d := c.dependencies()
	for _, i := range d.roots { // syft writes the packages first, and in their order
		doc.Relationships = append(doc.Relationships, &v2_3.Relationship{
			RefA:         common.DocElementID{ElementRefID: doc.Packages[i].PackageSPDXIdentifier},
			RefB:         common.DocElementID{ElementRefID: root.PackageSPDXIdentifier},
			Relationship: common.TypeRelationshipDependencyOf,
		})
	}
	doc.CreationInfo.CreatorComment = c.creatorComment()
}

// creatorComment says what SPDX has no fields for.
func (c *Catalogue) creatorComment() string {
	var sentences, lines []string
	if c.afterBuild() {
		sentences = append(sentences, "Generation context: post-build.")
	}
	for _, of := range c.Edges() {
		lines = append(lines, of.Type+": "+of.String())
	}
	if len(lines) > 0 {
		sentences = append(sentences, "Dependencies (DEPENDENCY_OF) by type of package: "+strings.Join(lines, "; ")+".")
	}
	return strings.Join(sentences, " ")
}
