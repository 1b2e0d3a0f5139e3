package e2e

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// foreignDocuments are SBOMs as other tools write them; the README there says by which.
const foreignDocuments = "../../internal/sbom/testdata/foreign"

// A dialect is a way of saying something that the product understands and the grype command line does not, and so the only
// reason for which their findings in a document may differ. In translates it into what grype understands, and everything else
// in the document stays as it is.
type dialect struct {
	name, why string
	documents []string
	in        func(document string) (string, error)
}

var dialects = []dialect{
	{
		name:      "a byte order mark before JSON",
		why:       "Microsoft's sbom-tool writes one; grype takes the document for none that it knows",
		documents: []string{"sbom-tool-*"},
		in:        says("\ufeff", ""),
	},
	{
		name:      "a document wrapped in an answer",
		why:       `GitHub's API answers with {"sbom": ...}; grype takes that for no document that it knows`,
		documents: []string{"github-api-*"},
		in:        unwrapped,
	},
	{
		name:      "the source package beside the purl",
		why:       "Trivy tells what a package was built from in a property or a sentence, and grype reads it in the purl only; a distribution's advisories go by its name",
		documents: []string{"trivy-*"},
		in: says("libssl1.1@1.1.1k-1?arch=amd64", "libssl1.1@1.1.1k-1?arch=amd64&upstream=openssl",
			"libssl1.1@1.1.1c-r0?arch=x86_64", "libssl1.1@1.1.1c-r0?arch=x86_64&upstream=openssl"),
	},
	{
		name:      "a release without its distribution",
		why:       "Trivy writes distro=3.10.2 of Alpine's packages, and grype takes that for the name of a distribution that no database knows",
		documents: []string{"trivy-alpine-*"},
		in:        says("distro=3.10.2", "distro=alpine-3.10.2"),
	},
	{
		name:      "the source package as a relationship",
		why:       "Docker Scout tells what a package was built from as GENERATED_FROM, and grype reads it in the purl only",
		documents: []string{"scout-*"},
		in:        says("libssl1.1@1.1.1k-1?", "libssl1.1@1.1.1k-1?upstream=openssl&"),
	},
	{
		name:      "name and version of the distribution apart",
		why:       "Docker Scout writes os_name and os_version into the purl, and grype reads distro",
		documents: []string{"scout-*"},
		in:        says("os_distro=bullseye&os_name=debian&os_version=11", "distro=debian-11"),
	},
	{
		name:      "a package built from itself",
		why:       "Docker Scout relates a package to itself where it has its source's name, and grype drops what another package was generated from",
		documents: []string{"scout-*"},
		in: says(`"relatedSpdxElement": "SPDXRef-Package-77aa051d819bf7a6",
   "relationshipType": "GENERATED_FROM"`, `"relatedSpdxElement": "SPDXRef-Package-77aa051d819bf7a6",
   "relationshipType": "OTHER"`),
	},
	{
		name:      "a name with its ecosystem",
		why:       "GitHub's API has called lodash npm:lodash, of which no advisory tells; minimist has no purl that would say better",
		documents: []string{"github-api-*"},
		in:        says(`"npm:lodash"`, `"lodash"`, `"pip:`, `"`, `"go:`, `"`, `"maven:`, `"`),
	},
	{
		name:      "a Maven name with its group",
		why:       "a report calls the artefact by its name alone, as it does when the jar is found in an image; grype prints what the document says",
		documents: []string{"trivy-java-spdx-*", "github-*", "scout-*", "sbom-tool-*"},
		in: says(`org.apache.logging.log4j:log4j-core"`, `log4j-core"`, `org.apache.logging.log4j/log4j-core"`, `log4j-core"`,
			`org.apache.logging.log4j.log4j-core"`, `log4j-core"`),
	},
}

func TestFindingsInForeignDocumentsAreThoseOfTheGrypeCommandLine(t *testing.T) {
	files, err := os.ReadDir(foreignDocuments)
	if err != nil {
		t.Fatal(err)
	}
	u := newUser(t)
	for _, file := range files {
		if file.Name() == "README.md" {
			continue
		}
		spoken := slices.DeleteFunc(slices.Clone(dialects), func(d dialect) bool { return !d.spokenIn(file.Name()) })
		t.Run(file.Name(), func(t *testing.T) { user{t, u.dir}.bothReadTheSame(file.Name(), spoken) })
	}
	for _, d := range dialects {
		for _, pattern := range d.documents {
			if found, err := filepath.Glob(filepath.Join(foreignDocuments, pattern)); err != nil || len(found) == 0 {
				t.Errorf("%s: no document is called %s", d.name, pattern)
			}
		}
	}
}

// bothReadTheSame compares what both find in a document, translated for grype. It ends with an error where a translation is
// missing, and where one is not needed.
func (u user) bothReadTheSame(name string, spoken []dialect) {
	text, err := os.ReadFile(filepath.Join(foreignDocuments, name))
	if err != nil {
		u.t.Fatal(err)
	}
	u.write(name, string(text))
	from := []string{"--sbom", name}
	if name == "nested-cyclonedx-1.5.json" { // two of its components have one bom-ref, and both programs look at the first
		from = append(from, "--allow-uncovered", "unreadable")
	}
	ours := unadorned(u.gated("of-"+name, from...), spoken)
	if len(ours) < 2 {
		u.t.Errorf("%d findings prove nothing", len(ours))
	}
	theirs, ok := u.grypeReads(name, string(text), spoken)
	if !ok {
		u.t.Fatal("grype does not read it")
	}
	sameFindings(u.t, unadorned(theirs, spoken), ours)
	for n, d := range spoken {
		u.t.Logf("explained by %s: %s", d.name, d.why)
		others := slices.Delete(slices.Clone(spoken), n, n+1)
		if theirs, ok := u.grypeReads(name, string(text), others); ok && cmp.Equal(rows(unadorned(theirs, spoken)), rows(ours)) {
			u.t.Errorf("grype understands %s by now: take the translation away", d.name)
		}
	}
}

// grypeReads is what grype finds in a document once the dialects in it are translated, if it takes it for a document at all.
func (u user) grypeReads(name, text string, translating []dialect) ([]finding, bool) {
	u.t.Helper()
	for _, d := range translating {
		translated, err := d.in(text)
		if err != nil {
			u.t.Fatal(err)
		}
		if translated == text {
			u.t.Fatalf("%s does not stand in %s", d.name, name)
		}
		text = translated
	}
	u.write("translated-"+name, text)
	scanned := u.scanWithGrype("sbom:translated-" + name)
	if scanned.code != 0 {
		if !strings.Contains(scanned.stderr, "sbom format not recognized") {
			u.t.Fatalf("exit %d: %s", scanned.code, scanned.stderr)
		}
		return nil, false
	}
	return scanned.grypeFindings(u.t), true
}

// unadorned leaves out of the purls what translations add to them.
func unadorned(found []finding, translated []dialect) []finding {
	if len(translated) == 0 {
		return found
	}
	list := slices.Clone(found)
	for n := range list {
		list[n].purl, _, _ = strings.Cut(list[n].purl, "?")
	}
	return list
}

func (d dialect) spokenIn(document string) bool {
	return slices.ContainsFunc(d.documents, func(pattern string) bool {
		matched, err := path.Match(pattern, document)
		return matched && err == nil
	})
}

// says is a translation word by word: what is said, and what grype understands.
func says(pairs ...string) func(string) (string, error) {
	return func(document string) (string, error) { return strings.NewReplacer(pairs...).Replace(document), nil }
}

func unwrapped(document string) (string, error) {
	var answer struct{ SBOM json.RawMessage }
	err := json.Unmarshal([]byte(document), &answer)
	return string(answer.SBOM), err
}
