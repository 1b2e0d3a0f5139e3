package steps

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/step"
)

// maxAnnotated is how many findings of one image are annotated: no host shows as many.
const maxAnnotated = 20

// maxSourceBytes bounds a file of the repository that a finding may point into.
const maxSourceBytes = 16 << 20

// annotate points at what refused the image, the worst first; where the repository has a file that brings the package
// in, at that file.
func (p *part) annotate(workspace fs.FS) {
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
		a.File, a.Line = p.source(workspace, f)
		p.Annotate(a)
	}
}

// source is the file of the repository that the finding comes from: of a scanned folder the file itself, of an image the
// lock file that names the package, or else the Dockerfile.
func (p *part) source(workspace fs.FS, f policy.Finding) (file string, line int) {
	if folder := p.scannedFolder(); folder != "" && len(f.Locations) > 0 {
		file = path.Join(folder, strings.TrimPrefix(f.Locations[0].Path, "/"))
		if _, err := fs.Stat(workspace, file); err == nil {
			line, _ = lineOf(workspace, file, f.Package.Name)
			return file, line
		}
	}
	for _, file := range lockFiles[f.Package.Type] {
		if line, ok := lineOf(workspace, file, f.Package.Name); ok {
			return file, line
		}
	}
	for _, file := range []string{"Dockerfile", "Containerfile"} {
		if line, ok := lineOf(workspace, file, "FROM "); ok {
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

// lineOf is the first line, from 1, in which the text stands.
func lineOf(workspace fs.FS, file, text string) (line int, ok bool) {
	open, err := workspace.Open(file)
	if err != nil {
		return 0, false
	}
	defer open.Close()
	lines := bufio.NewScanner(io.LimitReader(open, maxSourceBytes))
	lines.Buffer(nil, maxSourceBytes)
	for line = 1; lines.Scan(); line++ {
		if bytes.Contains(lines.Bytes(), []byte(text)) {
			return line, true
		}
	}
	return 0, false
}
