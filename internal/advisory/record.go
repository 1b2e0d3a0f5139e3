package advisory

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// record is the part of OSV that is used. https://ossf.github.io/osv-schema/
type record struct {
	ID               string      `json:"id"`
	Modified         time.Time   `json:"modified"`
	Published        time.Time   `json:"published"`
	Withdrawn        *time.Time  `json:"withdrawn"`
	Aliases          []string    `json:"aliases"`
	Upstream         []string    `json:"upstream"`
	Related          []string    `json:"related"`
	Summary          string      `json:"summary"`
	Details          string      `json:"details"`
	Severity         []rating    `json:"severity"`
	Affected         []affected  `json:"affected"`
	References       []reference `json:"references"`
	DatabaseSpecific specific    `json:"database_specific"`

	raw json.RawMessage
}

type rating struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type reference struct {
	URL string `json:"url"`
}

type affected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Ranges            []versionRange `json:"ranges"`
	Versions          []string       `json:"versions"`
	Severity          []rating       `json:"severity"`
	DatabaseSpecific  specific       `json:"database_specific"`
	EcosystemSpecific specific       `json:"ecosystem_specific"`
}

type versionRange struct {
	Type             string   `json:"type"`
	Events           []event  `json:"events"`
	DatabaseSpecific specific `json:"database_specific"`
}

type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
}

// specific is what databases add on their own: only the few keys that several of them share.
type specific map[string]json.RawMessage

// word is the value of the key if it is a string.
func (s specific) word(key string) string {
	var word string
	if json.Unmarshal(s[key], &word) != nil {
		return ""
	}
	return word
}

var errNotAdvisory = errors.New("neither an OSV record, nor NVD's, nor the KEV catalogue")

// parse reads one OSV record.
func parse(doc []byte, bounds Bounds) (record, error) {
	if err := strictjson.Check(doc, strictjson.Bounds{Bytes: int64(bounds.RecordBytes), Depth: maxDepth}); err != nil {
		return record{}, err
	}
	r := record{raw: doc}
	if err := json.Unmarshal(doc, &r); err != nil {
		return record{}, nameIn(r.ID, err)
	}
	if r.ID == "" {
		return record{}, errNotAdvisory
	}
	if len(r.ID) > 128 || strings.ContainsFunc(r.ID, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return record{}, fmt.Errorf("the id %.40q is not one", r.ID)
	}
	for _, a := range r.Affected {
		for _, v := range a.Ranges {
			if err := v.check(); err != nil {
				return record{}, nameIn(r.ID, err)
			}
		}
		for _, v := range a.Versions {
			if err := checkVersion(v); err != nil {
				return record{}, nameIn(r.ID, err)
			}
		}
	}
	return r, nil
}

func nameIn(id string, err error) error {
	if id == "" {
		return err
	}
	return fmt.Errorf("%.40s: %w", id, err)
}

// date is when the record was last touched: the later of its dates, since some databases leave one at zero.
func (r record) date() time.Time {
	date := r.Modified
	if r.Published.After(date) {
		date = r.Published
	}
	if r.Withdrawn != nil && r.Withdrawn.After(date) {
		date = *r.Withdrawn
	}
	return date
}

// names are the record's id and everything it calls the same.
func (r record) names() []string { return append([]string{r.ID}, r.Aliases...) }

// severity is the publisher's word for it, as grype spells it, or empty.
func (r record) severity() string {
	if word := severityWord(r.DatabaseSpecific.word("severity")); word != "" {
		return word
	}
	for _, a := range r.Affected {
		if word := a.severity(); word != "" {
			return word
		}
	}
	return ""
}

// ubuntuPriority is a word where others have a vector.
func (r record) ubuntuPriority() string {
	for _, s := range r.Severity {
		if s.Type == "Ubuntu" {
			return severityWord(s.Score)
		}
	}
	return ""
}

// severity is the word of one package: Debian calls it urgency.
func (a affected) severity() string {
	for _, word := range []string{
		a.EcosystemSpecific.word("severity"), a.DatabaseSpecific.word("severity"), a.EcosystemSpecific.word("urgency"),
		a.EcosystemSpecific.word("ubuntu_priority"),
	} {
		if s := severityWord(word); s != "" {
			return s
		}
	}
	return ""
}

func severityWord(word string) string {
	switch strings.ToLower(word) {
	case "critical":
		return "Critical"
	case "high", "important":
		return "High"
	case "medium", "moderate":
		return "Medium"
	case "low":
		return "Low"
	case "negligible", "unimportant":
		return "Negligible"
	}
	return ""
}

// vector is one CVSS rating in the form that grype reads.
type vector struct {
	Vector  string `json:"vector"`
	Version string `json:"version"`
}

// vectors are the CVSS ratings, version 3 first: without a severity word, grype takes the first one.
func (r record) vectors() []vector {
	ratings := r.Severity
	for _, a := range r.Affected {
		if len(ratings) == 0 {
			ratings = a.Severity
		}
	}
	var out []vector
	for _, kind := range []string{"CVSS_V3", "CVSS_V4", "CVSS_V2"} {
		for _, s := range ratings {
			if v, ok := s.vector(); ok && s.Type == kind {
				out = append(out, v)
			}
		}
	}
	return out
}

func (s rating) vector() (vector, bool) {
	if s.Type == "CVSS_V2" {
		return vector{s.Score, "2.0"}, strings.HasPrefix(s.Score, "AV:")
	}
	rest, ok := strings.CutPrefix(s.Score, "CVSS:")
	version, _, _ := strings.Cut(rest, "/")
	return vector{s.Score, version}, ok && (version == "3.0" || version == "3.1" || version == "4.0")
}
