package tekton

import (
	"regexp"
	"strings"

	"github.com/stepseal/stepseal/test/tekton/cluster"
)

var pageBlock = regexp.MustCompile("(?ms)^( *)```yaml (\\w+)\n(.*?)^ *```$")

// onPage is the YAML of docs/keyless-tekton.md behind a word, with this cluster's names in the place of those there.
func (s *space) onPage(word string) string {
	s.Helper()
	for _, found := range pageBlock.FindAllStringSubmatch(s.read("../../docs/keyless-tekton.md"), -1) {
		if found[2] == word {
			var plain strings.Builder
			for line := range strings.Lines(found[3]) {
				plain.WriteString(strings.TrimPrefix(line, found[1]))
			}
			return s.ours(plain.String())
		}
	}
	s.Fatalf("the page has no block %s", word)
	return ""
}

// ours is a text of a page with the names of this cluster and this space.
func (s *space) ours(text string) string {
	return strings.NewReplacer(
		"https://oidc.cluster.example.com", cluster.Issuer,
		"namespaces/release/", "namespaces/"+s.name+"/",
		"namespace: release", "namespace: "+s.name,
		"registry.example.com/team", privateAddress+"/"+s.name,
	).Replace(text)
}
