package lineage

import (
	"cmp"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// bom is what is read of a CycloneDX document.
// https://cyclonedx.org/docs/1.6/json/
type bom struct {
	BOMFormat string `json:"bomFormat"`
	Metadata  struct {
		Component struct {
			Ref string `json:"bom-ref"`
		} `json:"component"`
		Properties []property `json:"properties"`
	} `json:"metadata"`
	Components   []part `json:"components"`
	Dependencies []struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	} `json:"dependencies"`
	Compositions []struct {
		Aggregate    string   `json:"aggregate"`
		Dependencies []string `json:"dependencies"`
	} `json:"compositions"`
}

type part struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Group      string     `json:"group"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties"`
	Components []part     `json:"components"`
}

type property struct{ Name, Value string }

// ReadCycloneDX reads a CycloneDX document. A component without an entry in the dependency graph has unknown
// dependencies, as the specification says; one with an empty entry has none.
func ReadCycloneDX(doc []byte) (*Image, error) {
	if err := strictjson.Check(doc, bounds); err != nil {
		return nil, err
	}
	var b bom
	if err := json.Unmarshal(doc, &b); err != nil {
		return nil, err
	}
	if b.BOMFormat != "CycloneDX" {
		return nil, errors.New("not CycloneDX JSON")
	}
	parts, edges := flat(b.Components)
	if err := tooMany(len(parts)); err != nil {
		return nil, err
	}
	components, at := make([]Component, len(parts)), make(map[string]int, len(parts))
	for i, p := range parts {
		components[i] = p.component()
		if _, taken := at[p.Ref]; !taken && p.Ref != "" {
			at[p.Ref] = i
		}
	}
	known := make([]bool, len(parts))
	var direct []int
	for _, d := range b.Dependencies {
		from, ok := at[d.Ref]
		image := d.Ref == b.Metadata.Component.Ref && d.Ref != ""
		if ok {
			known[from] = true
		}
		for _, ref := range d.DependsOn {
			to, there := at[ref]
			switch {
			case !there:
			case image:
				direct = append(direct, to)
			case ok:
				edges = append(edges, [2]int{from, to})
			}
		}
	}
	for _, c := range b.Compositions {
		for _, ref := range c.Dependencies {
			if i, ok := at[ref]; ok && c.Aggregate == "unknown" {
				known[i] = false
			}
		}
	}
	return connected(components, layers(b.Metadata.Properties), known, edges, direct), nil
}

// flat takes components out of components, which lie in them and so belong to them. Files and operating systems are
// components of the format, and none of the image's parts.
func flat(components []part) (parts []part, edges [][2]int) {
	type open struct {
		list []part
		in   int
	}
	for pending := []open{{components, -1}}; len(pending) > 0; pending = pending[1:] {
		for _, p := range pending[0].list {
			if p.Type == "file" || p.Type == "operating-system" {
				continue
			}
			if pending[0].in >= 0 {
				edges = append(edges, [2]int{pending[0].in, len(parts)})
			}
			if len(p.Components) > 0 {
				pending = append(pending, open{p.Components, len(parts)})
			}
			parts = append(parts, p)
		}
	}
	return parts, edges
}

const (
	locationProperty = "syft:location:"
	layerProperty    = "stepseal:layer:"
)

func (p part) component() Component {
	c := Component{Type: kindOf(p.PURL), Group: p.Group, Name: p.Name, Version: p.Version, PURL: p.PURL}
	within := ""
	for _, known := range p.Properties {
		switch known.Name {
		case "syft:package:type":
			c.Type = known.Value
		case "syft:metadata:virtualPath":
			within = known.Value
		}
		rest, ok := strings.CutPrefix(known.Name, locationProperty)
		number, field, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 0 || n > len(c.Places) {
			continue
		}
		if n == len(c.Places) {
			c.Places = append(c.Places, Place{})
		}
		c.Places[n].set(field, known.Value)
	}
	c.Places = through(c.Places, within)
	return c
}

func (p *Place) set(field, value string) {
	switch field {
	case "path":
		p.Path = value
	case "layerID":
		p.Layer = value
	}
}

// through gives the first place the path that leads into its archives.
func through(places []Place, within string) []Place {
	if len(places) > 0 && strings.HasPrefix(within, places[0].Path+":") {
		places[0].Path = within
	}
	return places
}

// kindOf is the type in a package URL.
func kindOf(purl string) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(purl, "pkg:"), "/")
	return cmp.Or(kind, "untyped")
}

// layers are numbered from 1, without a gap.
func layers(properties []property) []Layer {
	var list []Layer
	for _, p := range properties {
		rest, ok := strings.CutPrefix(p.Name, layerProperty)
		if !ok {
			continue
		}
		number, field, _ := strings.Cut(rest, ":")
		switch {
		case field == "" && number == strconv.Itoa(len(list)+1):
			list = append(list, Layer{Digest: p.Value})
		case field == "created-by" && number == strconv.Itoa(len(list)):
			list[len(list)-1].CreatedBy = p.Value
		}
	}
	return list
}
