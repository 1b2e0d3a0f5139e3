package lineage

import (
	"encoding/json"
	"errors"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// document is what is read of syft's own format.
type document struct {
	Schema struct {
		URL string `json:"url"`
	} `json:"schema"`
	Artifacts []struct {
		ID, Name, Version, Type, PURL string
		Locations                     []struct{ Path, LayerID string }
		Metadata                      json.RawMessage
	} `json:"artifacts"`
	Relationships []struct{ Parent, Child, Type string } `json:"artifactRelationships"`
	Source        struct {
		Metadata struct {
			Layers []struct{ Digest string }
		}
	} `json:"source"`
}

// ReadSyft reads syft JSON. The format cannot say that a package is known to depend on nothing: what has no edge is not
// known.
func ReadSyft(doc []byte) (*Image, error) {
	if err := strictjson.Check(doc, bounds); err != nil {
		return nil, err
	}
	var d document
	if err := json.Unmarshal(doc, &d); err != nil {
		return nil, err
	}
	if d.Schema.URL == "" {
		return nil, errors.New("not syft JSON")
	}
	if err := tooMany(len(d.Artifacts)); err != nil {
		return nil, err
	}
	components, at := make([]Component, len(d.Artifacts)), make(map[string]int, len(d.Artifacts))
	for i, a := range d.Artifacts {
		components[i] = Component{Type: a.Type, Name: a.Name, Version: a.Version, PURL: a.PURL}
		for _, l := range a.Locations {
			components[i].Places = append(components[i].Places, Place{Path: l.Path, Layer: l.LayerID})
		}
		var meta struct {
			VirtualPath string `json:"virtualPath"`
		}
		if json.Unmarshal(a.Metadata, &meta) == nil {
			components[i].Places = through(components[i].Places, meta.VirtualPath)
		}
		if _, taken := at[a.ID]; !taken && a.ID != "" {
			at[a.ID] = i
		}
	}
	known := make([]bool, len(components))
	var edges [][2]int
	for _, r := range d.Relationships {
		needed, okNeeded := at[r.Parent] // the parent is a dependency of the child
		from, okFrom := at[r.Child]
		if r.Type == "dependency-of" && okNeeded && okFrom {
			edges = append(edges, [2]int{from, needed})
			known[from] = true
		}
	}
	var list []Layer
	for _, l := range d.Source.Metadata.Layers {
		list = append(list, Layer{Digest: l.Digest})
	}
	return connected(components, list, known, edges, nil), nil
}
