package steps

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/lineage"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	componentInput = step.Parsed(step.Declaration{Name: "component", Placeholder: "WHAT",
		Usage: "what to look for: a package URL, a name (log4j-core, @scope/name, group:artifact), each with or without @version, or an advisory such as CVE-2021-44228"}, lineage.ParseQuery)
	pathsInput = step.Parsed(step.Declaration{Name: "paths", Placeholder: "N", Default: "5",
		Usage: "how many of the shortest paths to a component are shown, 1 to 1000"}, parsePaths)
	answerFormatInput = step.Text(step.Declaration{Name: "format", Placeholder: "FORMAT", Choices: []string{"text", "json"}, Default: "text",
		Usage: "how to answer on standard output"})
)

func parsePaths(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return 0, fmt.Errorf("%.20q is not a number from 1 to 1000", text)
	}
	return n, nil
}

// Why says how a component came into an image.
func Why() *step.Spec {
	what := componentInput.AsRequired()
	return &step.Spec{
		Name:    "why",
		Summary: "Say how a component came into an image",
		Prose: `Prints the shortest paths by which the image depends on a component, and where the component lies, by the SBOM in the evidence of generate-sbom. Nothing is contacted but the registry of evidence that lies in one (oci:). An advisory is looked up among the findings of scan.json in the same evidence, by its id or by another name of it.

An SBOM that lists no such component is an answer as well, and ends as accepted (--format json says "found": false); evidence without an SBOM, or without the scan.json that an advisory is looked up in, is not (evidence-unusable). Where the dependencies of a kind of packages are not known, or not of all, it says so: then more may lead to the component than is shown.`,
		Examples: []step.Example{
			{Text: "by name", Command: "stepseal why log4j-core --evidence stepseal-out"},
			{Text: "by package URL", Command: "stepseal why pkg:npm/lodash@4.17.15 --evidence stepseal-out"},
			{Text: "what an advisory is about, for a program", Command: "stepseal why CVE-2021-44228 --evidence stepseal-out --format json"},
		},
		Inputs:   inputs([]step.Input{what, required(evidenceInput), evidenceDigestInput, insecureInput, authorityInput, maxManifestSizeInput, stallTimeoutInput, pathsInput, answerFormatInput}, speaking),
		Argument: what,
		Run: func(ctx context.Context, r *step.Run) error {
			record, err := readEvidence(ctx, r)
			if err != nil {
				return err
			}
			a, err := explain(ctx, record, componentInput.Of(r), pathsInput.Of(r))
			if err != nil {
				return err
			}
			return say(r, a.text(), a)
		},
	}
}

// answer is what why says; its JSON form is for programs.
type answer struct {
	Schema    string           `json:"schema"`
	Query     string           `json:"query"`
	Image     string           `json:"image"`
	Found     bool             `json:"found"`
	Platforms []platformAnswer `json:"platforms"`
}

type platformAnswer struct {
	Platform   string            `json:"platform"`
	Digest     string            `json:"digest"`
	Listed     int               `json:"listed"` // how many components the SBOM lists
	Advisories []advisoryAnswer  `json:"advisories,omitempty"`
	Components []componentAnswer `json:"components"`
	More       int               `json:"moreComponents,omitempty"`
}

// advisoryAnswer is a finding that the question names.
type advisoryAnswer struct {
	ID      string         `json:"id"`
	Aliases []string       `json:"aliases,omitempty"`
	Package policy.Package `json:"package"`
	Fix     policy.Fix     `json:"fix"`
}

type componentAnswer struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Type    string        `json:"type"`
	PURL    string        `json:"purl,omitempty"`
	Places  []placeAnswer `json:"places"`
	Paths   [][]node      `json:"paths"` // from what the image depends on itself to the component
	More    uint64        `json:"morePaths,omitempty"`
	// Edges says of how many components of this type the dependencies are known.
	Edges edgesAnswer `json:"edges"`
	Note  string      `json:"note,omitempty"`
}

type edgesAnswer struct {
	Known int `json:"known"`
	Of    int `json:"of"`
}

type node struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
}

type placeAnswer struct {
	Path      string `json:"path"`
	Layer     int    `json:"layer,omitempty"` // from 1
	Layers    int    `json:"layers,omitempty"`
	Digest    string `json:"digest,omitempty"`
	CreatedBy string `json:"createdBy,omitempty"`
}

// maxComponentsShown bounds the answer to a question as wide as "index".
const maxComponentsShown = 20

func explain(ctx context.Context, record *evidence.Record, q lineage.Query, most int) (answer, error) {
	a := answer{Schema: "stepseal.why/v1", Query: q.String(), Image: record.Image}
	for i := range record.Platforms {
		p := &record.Platforms[i]
		img, err := lineageOf(record, p)
		if err != nil {
			return answer{}, err
		}
		in := platformAnswer{Platform: p.Platform, Digest: p.Digest, Listed: len(img.Components), Components: []componentAnswer{}}
		found := img.Find(q)
		if len(found) == 0 && q.Advisory() {
			if found, in.Advisories, err = advised(record, p, img, q.String()); err != nil {
				return answer{}, err
			}
		}
		in.More = max(0, len(found)-maxComponentsShown)
		for _, at := range found[:len(found)-in.More] {
			in.Components = append(in.Components, explained(img, at, most))
		}
		a.Found = a.Found || len(found) > 0 || len(in.Advisories) > 0
		a.Platforms = append(a.Platforms, in)
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
	}
	return a, nil
}

// lineageOf reads the platform's SBOM: CycloneDX says the most about what is not known.
func lineageOf(record *evidence.Record, p *evidence.Platform) (*lineage.Image, error) {
	for _, kind := range []struct {
		role evidence.Role
		read func([]byte) (*lineage.Image, error)
	}{{evidence.RoleSBOM, lineage.ReadCycloneDX}, {evidence.RoleSBOMSyft, lineage.ReadSyft}} {
		d, ok := p.Document(kind.role)
		if !ok {
			continue
		}
		content, err := record.Read(d)
		if err != nil {
			return nil, err
		}
		img, err := kind.read(content)
		if err != nil {
			return nil, outcome.New(outcome.SBOMUnreadable, "SBOM %s", d.Path).Because(err)
		}
		return img, nil
	}
	return nil, outcome.New(outcome.EvidenceUnusable, "the evidence holds no CycloneDX or Syft SBOM of %s", p.Digest).Hint("run generate-sbom first")
}

// advised finds what an advisory is about.
func advised(record *evidence.Record, p *evidence.Platform, img *lineage.Image, id string) (found []int, about []advisoryAnswer, err error) {
	d, ok := p.Document(evidence.RoleScan)
	if !ok {
		return nil, nil, outcome.New(outcome.EvidenceUnusable, "the evidence holds no scan of %s, in which %s could be looked up", p.Digest, id).
			Hint("run scan-gate on this evidence first")
	}
	content, err := record.Read(d)
	if err != nil {
		return nil, nil, err
	}
	report, err := scan.ParseReport(content)
	if err != nil {
		return nil, nil, outcome.New(outcome.EvidenceUnusable, "evidence document %s", d.Path).Because(err)
	}
	taken, told := map[int]bool{}, map[string]bool{}
	for _, f := range report.Findings {
		if !names(f.Finding, id) {
			continue
		}
		// The same package in several places is a finding for each of them.
		if key := f.ID + "\n" + f.Package.PURL + "\n" + f.Package.Name + "\n" + f.Package.Version; !told[key] {
			told[key] = true
			about = append(about, advisoryAnswer{ID: f.ID, Aliases: f.Aliases, Package: f.Package, Fix: f.Fix})
		}
		for _, at := range img.FindPackage(f.Package.Name, f.Package.Version, f.Package.PURL) {
			if !taken[at] {
				taken[at] = true
				found = append(found, at)
			}
		}
	}
	return found, about, nil
}

func names(f policy.Finding, id string) bool {
	for _, name := range append([]string{f.ID}, f.Aliases...) {
		if strings.EqualFold(name, id) {
			return true
		}
	}
	return false
}

func explained(img *lineage.Image, at, most int) componentAnswer {
	c := img.Components[at]
	known, all := img.Covered(c.Type)
	out := componentAnswer{Name: c.Name, Version: c.Version, Type: c.Type, PURL: c.PURL, Places: []placeAnswer{}, Paths: [][]node{}, Edges: edgesAnswer{known, all}}
	for _, p := range c.Places {
		place := placeAnswer{Path: p.Path, Digest: p.Layer}
		if number, layer, ok := img.Layer(p.Layer); ok {
			place.Layer, place.Layers, place.CreatedBy = number, len(img.Layers), layer.CreatedBy
		}
		out.Places = append(out.Places, place)
	}
	ways, count := img.Ways(at, most)
	for _, way := range ways {
		var path []node
		for _, i := range way {
			path = append(path, node{img.Components[i].Name, img.Components[i].Version, img.Components[i].PURL})
		}
		out.Paths = append(out.Paths, path)
	}
	if count != math.MaxUint64 {
		count -= uint64(len(ways))
	}
	out.More = count
	switch {
	case !img.Direct(at):
	case known == 0:
		out.Note = fmt.Sprintf("no edges known for %s: only its place is known", c.Type)
	case known < all:
		out.Note = fmt.Sprintf("edges of %s are known for %d of %d packages: another one may depend on it", c.Type, known, all)
	}
	return out
}
