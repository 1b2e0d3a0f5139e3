package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/sbom"
)

func TestZZ(t *testing.T) {
	files, _ := filepath.Glob("../sbom/testdata/foreign/*")
	for _, f := range files {
		raw, _ := os.ReadFile(f)
		c, err := sbom.Read(f, raw)
		if err != nil {
			fmt.Println(filepath.Base(f), err)
			continue
		}
		r := mustMatch(t, c)
		n := map[string]int{}
		for _, x := range r.Findings {
			n[x.Package.Name+" "+x.Matcher]++
		}
		fmt.Println(filepath.Base(f), c.From(), c.Subject(), c.Name(), r.Packages, r.Unmatchable, c.Lost(), n)
		var cov []string
		for _, x := range r.Coverage {
			cov = append(cov, fmt.Sprintf("%s/%s/%d/%v", x.Type, x.Release, x.Packages, x.Covered))
		}
		slices.Sort(cov)
		fmt.Println("   ", strings.Join(cov, " "))
		for p := range c.Content().Artifacts.Packages.Enumerate() {
			fmt.Println("      ", p.Name, p.Version, p.Type, p.PURL)
		}
	}
}
