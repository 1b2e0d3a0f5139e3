package steps

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/step"
)

// maxAnnotated is how many findings of one image are annotated: no host shows as many.
const maxAnnotated = 20

// annotate points at what refused the image, the worst first; where the repository has a file that brings the package
// in, at that file.
func (p *part) annotate(workspace fs.FS) {
	files := newCheckout(workspace)
	for i, f := range p.decided.Failing {
		if i == maxAnnotated {
			return
		}
		a := step.Annotation{Level: step.Failure, Title: fmt.Sprintf("%s %s in %s %s", f.Severity, f.ID, f.Package.CommonName(), f.Package.Version),
			Message: cmp.Or(f.Fix.String(), "no fix yet")}
		if where := f.Where(); where != "" {
			a.Message += "; in " + where
		}
		if len(p.parts) > 1 {
			a.Message += "; for " + p.platform.Platform
		}
		a.File, a.Line = p.source(files, f)
		p.Annotate(a)
	}
}

// source is the file of the repository that the finding comes from: of a scanned folder the file itself, of an image the
// lock file that names the package, or else the Dockerfile.
func (p *part) source(in *checkout, f policy.Finding) (file string, line int) {
	if folder := p.scannedFolder(); folder != "" && len(f.Locations) > 0 {
		file = path.Join(folder, strings.TrimPrefix(f.Locations[0].Path, "/"))
		if _, err := fs.Stat(in.files, file); err == nil {
			return file, in.line(file, f.Package.Name)
		}
	}
	for _, file := range lockFiles[f.Package.Type] {
		if line := in.line(file, f.Package.Name); line > 0 {
			return file, line
		}
	}
	for _, file := range []string{"Dockerfile", "Containerfile"} {
		if line := in.base(file); line > 0 {
			return file, line
		}
	}
	return "", 0
}

// scannedFolder is the path of a scanned folder as the workspace names it; empty of anything else.
func (p *part) scannedFolder() string {
	if p.set == nil {
		return ""
	}
	folder := path.Clean(p.set.Reference.Folder())
	if !fs.ValidPath(folder) {
		return ""
	}
	return folder
}

// lockFiles are where the packages of a type come from, in a repository as a rule, by syft's names of the types.
var lockFiles = map[string][]string{
	"npm":          {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "package.json"},
	"go-module":    {"go.mod"},
	"java-archive": {"pom.xml", "build.gradle", "build.gradle.kts", "gradle.lockfile"},
	"python":       {"poetry.lock", "uv.lock", "Pipfile.lock", "requirements.txt", "pyproject.toml"},
	"gem":          {"Gemfile.lock", "Gemfile"},
	"rust-crate":   {"Cargo.lock"},
	"php-composer": {"composer.lock"},
	"dotnet":       {"packages.lock.json"},
}
