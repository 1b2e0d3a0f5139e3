package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// referrerIndex is a list of referrers, of which other writers' fields are kept as they are. The zero value is empty.
type referrerIndex struct {
	Manifests []Referrer
	fields    map[string]json.RawMessage
	entries   []json.RawMessage // of Manifests
}

// parseReferrers reads nothing as an empty list but an empty list.
func parseReferrers(raw []byte) (referrerIndex, error) {
	var index referrerIndex
	var head struct {
		MediaType types.MediaType    `json:"mediaType"`
		Manifests *[]json.RawMessage `json:"manifests"`
	}
	if json.Unmarshal(raw, &head) != nil || json.Unmarshal(raw, &index.fields) != nil || head.Manifests == nil {
		return index, errors.New("is not an index")
	}
	if head.MediaType != "" && head.MediaType != types.OCIImageIndex {
		return index, fmt.Errorf("is of the media type %.80q, not an index", head.MediaType)
	}
	index.entries = *head.Manifests
	for n, entry := range index.entries {
		var one Referrer
		if err := json.Unmarshal(entry, &one); err != nil || one.Digest.Hex == "" {
			return index, fmt.Errorf("has an entry that is no descriptor, the %d. one", n+1)
		}
		index.Manifests = append(index.Manifests, one)
	}
	return index, nil
}

// with is the index with one entry more, as it is written.
func (i referrerIndex) with(entry Referrer) ([]byte, error) {
	added, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{"schemaVersion": 2}
	for name, value := range i.fields {
		fields[name] = value
	}
	fields["mediaType"] = types.OCIImageIndex
	fields["manifests"] = append(slices.Clone(i.entries), added)
	return json.Marshal(fields)
}

var (
	oneLink = regexp.MustCompile(`^[\s,]*<([^>]*)>((?:\s*;\s*[\w*-]+\s*(?:=\s*(?:"[^"]*"|[^\s",;]*))?)*)\s*(?:,|$)`)
	linkRel = regexp.MustCompile(`(?i);\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))`)
)

// nextPage finds the next link, and stays on the registry. It is empty where there is none; one that cannot be followed
// is an error, for what is behind it is not known.
// https://www.rfc-editor.org/rfc/rfc8288#section-3
func nextPage(links []string, current, registry string) (string, error) {
	for rest := strings.Join(links, ","); strings.Trim(rest, " \t,") != ""; {
		link := oneLink.FindStringSubmatch(rest)
		if link == nil {
			return "", errors.New("the header Link cannot be read")
		}
		rest = rest[len(link[0]):]
		if isNext(link[2]) {
			return follow(link[1], current, registry)
		}
	}
	return "", nil
}

func isNext(params string) bool {
	for _, rel := range linkRel.FindAllStringSubmatch(params, -1) {
		if slices.Contains(strings.Fields(strings.ToLower(rel[1]+rel[2])), "next") {
			return true
		}
	}
	return false
}

func follow(target, current, registry string) (string, error) {
	base, err := url.Parse(current)
	if err != nil {
		return "", err
	}
	next, err := base.Parse(target)
	switch {
	case err != nil || next.Opaque != "" || !strings.HasPrefix(next.Path, "/"):
		return "", errors.New("the link to the next page cannot be read")
	case next.Host != "" && next.Host != registry:
		return "", fmt.Errorf("the link to the next page leads to %.80q", next.Host)
	case next.RequestURI() == current:
		return "", errors.New("the link to the next page leads to the same page")
	}
	return next.RequestURI(), nil
}
