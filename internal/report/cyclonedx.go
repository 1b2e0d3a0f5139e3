package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// maxSBOM bounds the document that is taken in.
const maxSBOM = 512 << 20

// maxCDXVersion is how long a version may be.
// https://cyclonedx.org/docs/1.6/json/#components_items_version
const maxCDXVersion = 1024

// cyclonedxSpace is the UUID space of documents with vulnerabilities.
var cyclonedxSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/stepseal/stepseal/vulnerabilities"))

type cdxComponent struct {
	Ref        string         `json:"bom-ref,omitempty"`
	Type       string         `json:"type"`
	Name       string         `json:"name"`
	Version    string         `json:"version,omitempty"`
	PURL       string         `json:"purl,omitempty"`
	Properties []cdxProperty  `json:"properties,omitempty"`
	Components []cdxComponent `json:"components,omitempty"`
}

type cdxProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type cdxVulnerability struct {
	Ref            string         `json:"bom-ref"`
	ID             string         `json:"id"`
	Source         *cdxSource     `json:"source,omitempty"`
	References     []cdxReference `json:"references,omitempty"`
	Ratings        []cdxRating    `json:"ratings,omitempty"`
	Description    string         `json:"description,omitempty"`
	Recommendation string         `json:"recommendation,omitempty"`
	Advisories     []cdxAdvisory  `json:"advisories,omitempty"`
	Analysis       *cdxAnalysis   `json:"analysis,omitempty"`
	Affects        []cdxAffected  `json:"affects"`
	Properties     []cdxProperty  `json:"properties,omitempty"`
}

type cdxSource struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

type cdxReference struct {
	ID     string    `json:"id"`
	Source cdxSource `json:"source"`
}

type cdxRating struct {
	Source   *cdxSource `json:"source,omitempty"`
	Score    *float64   `json:"score,omitempty"`
	Severity string     `json:"severity,omitempty"`
	Method   string     `json:"method,omitempty"`
	Vector   string     `json:"vector,omitempty"`
}

type cdxAdvisory struct {
	URL string `json:"url"`
}

type cdxAnalysis struct {
	State         string   `json:"state"`
	Justification string   `json:"justification,omitempty"`
	Response      []string `json:"response,omitempty"`
	Detail        string   `json:"detail,omitempty"`
}

type cdxAffected struct {
	Ref      string       `json:"ref"`
	Versions []cdxVersion `json:"versions,omitempty"`
}

type cdxVersion struct {
	Version string `json:"version"`
	Status  string `json:"status"`
}

// CycloneDX is the SBOM with its vulnerabilities in CycloneDX 1.6: all of them, whatever the threshold, for machines read
// it. A VEX statement is the state not_affected or resolved; a waiver accepts what may be exploited, and says for how long.
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities
func CycloneDX(v View) ([]byte, error) {
	if len(v.SBOM) > maxSBOM {
		return nil, fmt.Errorf("the SBOM has %d bytes, more than the %d allowed", len(v.SBOM), maxSBOM)
	}
	doc, components, err := v.readSBOM()
	if err != nil {
		return nil, err
	}
	refs := refsOf(components)
	var vulnerabilities []cdxVulnerability
	var missing []cdxComponent
	seen := map[string]int{}
	for _, j := range v.Decision.Judged {
		found := refs.of(j.Finding)
		if len(found) == 0 {
			c := componentOf(j.Package)
			refs.add(c)
			missing, found = append(missing, c), []string{c.Ref}
		}
		print := j.Finding.Fingerprint()
		seen[print]++
		vulnerabilities = append(vulnerabilities, cdxFinding(j, fmt.Sprintf("stepseal:%s:%d", print, seen[print]), found))
	}
	if err := addTo(doc, "components", missing); err != nil {
		return nil, err
	}
	return finishCycloneDX(doc, vulnerabilities)
}

func (v View) readSBOM() (doc map[string]json.RawMessage, components []cdxComponent, err error) {
	doc = map[string]json.RawMessage{}
	if len(v.SBOM) == 0 {
		doc["bomFormat"], doc["specVersion"], doc["version"] = json.RawMessage(`"CycloneDX"`), json.RawMessage(`"1.6"`), json.RawMessage("1")
		doc["serialNumber"] = fmt.Appendf(nil, "%q", uuid.NewSHA1(cyclonedxSpace, []byte(v.Image+"\n"+v.Platform)).URN())
		root := cdxComponent{Ref: "image", Type: "container", Name: cmp.Or(plain(v.Image, 1000), "image"), Version: plain(v.Digest, 200)}
		doc["metadata"], err = evidence.Encode(map[string]any{"component": root})
		return doc, nil, err
	}
	members := strictjson.Members(v.SBOM)
	if members == nil || !json.Valid(v.SBOM) {
		return nil, nil, errors.New("SBOM: not a JSON object")
	}
	for _, m := range members {
		var key string
		if err := json.Unmarshal(slices.Concat([]byte(`"`), m.Key, []byte(`"`)), &key); err != nil {
			return nil, nil, fmt.Errorf("SBOM: %w", err)
		}
		doc[key] = m.Value
	}
	if raw, ok := doc["components"]; ok {
		if err := json.Unmarshal(raw, &components); err != nil {
			return nil, nil, fmt.Errorf("SBOM: components: %w", err)
		}
	}
	return doc, components, nil
}

func addTo[T any](doc map[string]json.RawMessage, key string, more []T) error {
	if len(more) == 0 {
		return nil
	}
	added, err := evidence.Encode(more)
	if err != nil {
		return err
	}
	if old, isList := bytes.CutPrefix(doc[key], []byte("[")); isList {
		if old = bytes.TrimSpace(old[:len(old)-1]); len(old) > 0 {
			added = slices.Concat([]byte("["), old, []byte(","), added[1:])
		}
	}
	doc[key] = added
	return nil
}

func finishCycloneDX(doc map[string]json.RawMessage, vulnerabilities []cdxVulnerability) ([]byte, error) {
	if vulnerabilities == nil {
		vulnerabilities = []cdxVulnerability{}
	}
	list, err := evidence.Encode(vulnerabilities)
	if err != nil {
		return nil, err
	}
	// It is another document than the SBOM, so it has another name; the same scan gives the same.
	serial := uuid.NewSHA1(cyclonedxSpace, slices.Concat(doc["serialNumber"], []byte(evidence.Digest(list)))).URN()
	doc["vulnerabilities"] = list
	if doc["serialNumber"], err = json.Marshal(serial); err != nil {
		return nil, err
	}
	return joined(doc)
}

// joined is the object of these members, by name: encoding/json would go through each of them again.
func joined(doc map[string]json.RawMessage) ([]byte, error) {
	size := 2
	for key, value := range doc {
		size += len(key) + len(value) + 4
	}
	all := append(make([]byte, 0, size), '{')
	for i, key := range slices.Sorted(maps.Keys(doc)) {
		if i > 0 {
			all = append(all, ',')
		}
		name, err := evidence.Encode(key)
		if err != nil {
			return nil, err
		}
		all = append(append(append(all, name...), ':'), doc[key]...)
	}
	return append(all, '}'), nil
}

// refs are the components by what a finding knows of its package.
type refs map[string][]cdxComponent

func refsOf(components []cdxComponent) refs {
	r := refs{}
	var walk func([]cdxComponent)
	walk = func(list []cdxComponent) {
		for _, c := range list {
			r.add(c)
			walk(c.Components)
		}
	}
	walk(components)
	return r
}

func (r refs) add(c cdxComponent) {
	if c.Ref == "" {
		return
	}
	c.Components = nil
	if c.PURL != "" {
		r[c.PURL] = append(r[c.PURL], c)
	}
	key := c.Name + "\x00" + c.Version
	r[key] = append(r[key], c)
}

func (r refs) of(f policy.Finding) []string {
	list := r[f.Package.PURL]
	if f.Package.PURL == "" || len(list) == 0 {
		list = r[f.Package.Name+"\x00"+f.Package.Version]
	}
	var all, here []string
	for _, c := range list {
		all = append(all, c.Ref)
		if c.liesAt(f.Locations) {
			here = append(here, c.Ref)
		}
	}
	if len(here) > 0 {
		return here
	}
	return all
}

func (c cdxComponent) liesAt(places []policy.Location) bool {
	return slices.ContainsFunc(c.Properties, func(p cdxProperty) bool {
		return strings.HasPrefix(p.Name, "syft:location:") && strings.HasSuffix(p.Name, ":path") &&
			slices.ContainsFunc(places, func(l policy.Location) bool { return p.Value == l.Path || p.Value == l.AccessPath })
	})
}

func componentOf(p policy.Package) cdxComponent {
	id := uuid.NewSHA1(cyclonedxSpace, []byte(strings.Join([]string{p.Type, p.Name, p.Version, p.PURL}, "\x00"))).String()
	return cdxComponent{Ref: "stepseal:" + id, Type: "library", Name: cmp.Or(p.Name, "unknown"), Version: plain(p.Version, maxCDXVersion), PURL: p.PURL}
}

func cdxFinding(j policy.Judged, ref string, affects []string) cdxVulnerability {
	out := cdxVulnerability{Ref: ref, ID: plain(j.ID, 500), Description: plain(j.Description, 5000), Recommendation: plain(fixHint(j.Finding), 1000),
		Ratings: ratings(j.Finding), Analysis: analysis(j.Judgement), Affects: []cdxAffected{},
		Properties: []cdxProperty{{"stepseal:status", string(j.Judgement.Status)}, {"stepseal:rule", plain(j.Judgement.Rule, 200)}, {"stepseal:why", plain(j.Judgement.Why, 1000)}}}
	if j.Provider != "" {
		out.Source = &cdxSource{Name: plain(j.Provider, 200)}
	}
	if j.KnownExploited {
		out.Properties = append(out.Properties, cdxProperty{"stepseal:known-exploited", "true"})
	}
	if j.EPSS > 0 {
		out.Properties = append(out.Properties, cdxProperty{"stepseal:epss", fmt.Sprint(j.EPSS)})
	}
	for _, alias := range j.Aliases[:min(len(j.Aliases), 20)] {
		alias = plain(alias, 500)
		source, _, _ := strings.Cut(alias, "-")
		out.References = append(out.References, cdxReference{ID: alias, Source: cdxSource{Name: source}})
	}
	for _, url := range webURLs(j.Finding, 10) {
		out.Advisories = append(out.Advisories, cdxAdvisory{url})
	}
	versions := cdxVersions(j.Finding)
	for _, ref := range affects {
		out.Affects = append(out.Affects, cdxAffected{ref, versions})
	}
	return out
}

func cdxVersions(f policy.Finding) (list []cdxVersion) {
	if v := plain(f.Package.Version, 1000); v != "" {
		list = append(list, cdxVersion{v, "affected"})
	}
	if f.Fix.Available() {
		for _, v := range f.Fix.Versions[:min(len(f.Fix.Versions), 20)] {
			if v = plain(v, 1000); v != "" {
				list = append(list, cdxVersion{v, "unaffected"})
			}
		}
	}
	return list
}

func ratings(f policy.Finding) []cdxRating {
	severity := f.Severity.String()
	if f.Severity == policy.Negligible {
		severity = "info"
	}
	list := []cdxRating{{Severity: severity}}
	for _, c := range f.CVSS[:min(len(f.CVSS), 10)] {
		if !(c.Score >= 0 && c.Score <= 10) {
			continue
		}
		method := map[string]string{"2": "CVSSv2", "3.0": "CVSSv3", "3.1": "CVSSv31", "4.0": "CVSSv4"}[c.Version]
		if strings.HasPrefix(c.Version, "2") {
			method = "CVSSv2"
		}
		list = append(list, cdxRating{Score: &c.Score, Method: cmp.Or(method, "other"), Vector: plain(c.Vector, 500)})
	}
	return list
}

// analysis is what somebody has said of the finding; nothing where only rules have.
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_analysis_state
func analysis(j policy.Judgement) *cdxAnalysis {
	switch {
	case j.Status == policy.Waived:
		return &cdxAnalysis{State: "exploitable", Response: []string{"will_not_fix"}, Detail: plain(j.Why, 1000)}
	case j.Status == policy.NotAffected && j.VEX != nil && j.VEX.Status == "fixed":
		return &cdxAnalysis{State: "resolved", Detail: plain(j.Why, 1000)}
	case j.Status == policy.NotAffected:
		a := cdxAnalysis{State: "not_affected", Detail: plain(j.Why, 1000)}
		if j.VEX != nil {
			a.Justification = justification(j.VEX.Justification)
		}
		return &a
	}
	return nil
}

// justification is CycloneDX's word for OpenVEX's, or for its own; empty where it has none.
// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#status-justifications
func justification(of string) string {
	switch of {
	case "component_not_present", "vulnerable_code_not_present":
		return "code_not_present"
	case "vulnerable_code_not_in_execute_path":
		return "code_not_reachable"
	case "inline_mitigations_already_exist":
		return "protected_by_mitigating_control"
	case "code_not_present", "code_not_reachable", "requires_configuration", "requires_dependency", "requires_environment", "protected_by_compiler",
		"protected_at_runtime", "protected_at_perimeter", "protected_by_mitigating_control":
		return of
	}
	return ""
}
