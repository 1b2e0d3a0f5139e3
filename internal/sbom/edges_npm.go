package sbom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"
)

// Limits on what manifests may ask for. What goes beyond them is not known, and counts so.
const (
	maxManifest     = 1 << 20 // bytes of one package.json
	maxDependencies = 5_000   // names in one package.json
	maxFolders      = 64      // from a package up to the root
	maxNPMName      = 214     // https://docs.npmjs.com/cli/v11/configuring-npm/package-json#name
	maxLookups      = 200_000 // places in the image
	maxSteps        = 5_000_000
	npmManifest     = "package.json"
	npmModules      = "node_modules"
	modulesInPath   = "/" + npmModules + "/"
	tooMany         = "more lookups than any application needs"
)

// npmEdges reads the manifests of the installed packages again, and finds what each name leads to as Node would. The
// version that is found is the one that runs, whatever range was asked for.
// https://nodejs.org/api/modules.html#loading-from-node_modules-folders
func npmEdges(packages []pkg.Package, files file.Resolver, to *drawn) edges {
	found := edges{known: map[artifact.ID]knowledge{}, missing: map[artifact.ID]int{}, direct: map[artifact.ID]bool{}}
	tree := newModules(packages, files)
	for _, p := range packages {
		for _, at := range manifests(p) {
			needs, err := tree.needs(at)
			if err != nil {
				found.known[p.ID()] = unknown
				continue
			}
			found.know(p.ID(), needs.missing)
			for _, needed := range needs.packages {
				to.add(p, needed)
			}
		}
	}
	for _, folder := range tree.applications() {
		locations, err := files.FilesByPath(path.Join(folder, npmManifest))
		if err != nil || len(locations) == 0 {
			continue
		}
		if needs, err := tree.needs(locations[0]); err == nil {
			for _, needed := range needs.packages {
				found.direct[needed.ID()] = true
			}
		}
	}
	return found
}

// know notes that a manifest was read. Where one of a package's manifests was not, it stays unknown.
func (e edges) know(id artifact.ID, missing int) {
	if known, ok := e.known[id]; ok && known == unknown {
		return
	}
	e.missing[id] += missing
	if e.missing[id] > 0 {
		e.known[id] = partly
	} else {
		e.known[id] = wholly
	}
}

// manifests are where an installed npm package was found; one that only a lock file names has none.
func manifests(p pkg.Package) []file.Location {
	if p.Type != pkg.NpmPkg {
		return nil
	}
	return slices.DeleteFunc(p.Locations.ToSlice(), func(at file.Location) bool { return path.Base(at.RealPath) != npmManifest })
}

// modules is the installed packages as Node sees them: by the folder that each lies in.
type modules struct {
	files   file.Resolver
	at      map[string]*pkg.Package // by the path of the manifest; nil for one that is in no catalogue
	folders map[string]bool         // whether there is a node_modules
	lookups int
	steps   int
}

func newModules(packages []pkg.Package, files file.Resolver) *modules {
	m := &modules{files: files, at: map[string]*pkg.Package{}, folders: map[string]bool{}}
	for i, p := range packages {
		for _, at := range manifests(p) {
			for _, name := range []string{at.RealPath, at.AccessPath} {
				if m.at[name] == nil {
					m.at[name] = &packages[i]
				}
			}
		}
	}
	return m
}

// applications are the folders with a node_modules whose own manifest is no package of the catalogue, for it has no name.
func (m *modules) applications() []string {
	var folders []string
	for _, manifest := range slices.Sorted(maps.Keys(m.at)) {
		folder, _, inside := strings.Cut(manifest, modulesInPath)
		if folder = "/" + strings.TrimPrefix(folder, "/"); inside && m.at[path.Join(folder, npmManifest)] == nil {
			folders = append(folders, folder)
		}
	}
	return slices.Compact(folders)
}

// needed is what a manifest asks for.
type needed struct {
	packages []pkg.Package
	missing  int
}

func (m *modules) needs(at file.Location) (needed, error) {
	asked, err := m.read(at)
	if err != nil {
		return needed{}, err
	}
	// Node goes by where a file really is. A layer may hold two copies as one file, and then the other place counts too.
	places := []string{path.Dir(at.RealPath)}
	if other := path.Dir(at.AccessPath); other != places[0] && at.AccessPath != "" {
		places = append(places, other)
	}
	var n needed
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		p, err := m.resolve(places, name)
		switch {
		case err != nil:
			return needed{}, err
		case p != nil:
			n.packages = append(n.packages, *p)
		case asked[name]:
			n.missing++
		}
	}
	return n, nil
}

// read returns the names that a manifest asks for, and whether each must be there. An optional dependency and a peer may
// be left out of an installation, and so may the tools of whoever develops the application.
func (m *modules) read(at file.Location) (map[string]bool, error) {
	body, err := m.files.FileContentsByLocation(at)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxManifest {
		return nil, fmt.Errorf("larger than %d bytes", maxManifest)
	}
	kinds := []string{"peerDependencies", "dependencies", "optionalDependencies"}
	if !strings.Contains(at.RealPath, modulesInPath) {
		kinds = slices.Insert(kinds, 0, "devDependencies")
	}
	return asked(raw, kinds)
}

// asked takes the names out of a manifest, the later kinds winning.
func asked(manifest []byte, kinds []string) (map[string]bool, error) {
	// A struct would take keys in any case, which npm does not.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(manifest, &fields); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, kind := range kinds {
		var list map[string]json.RawMessage
		if json.Unmarshal(fields[kind], &list) != nil {
			continue // npm takes what is no object as none
		}
		for name := range list {
			names[name] = kind == "dependencies"
		}
		if len(names) > maxDependencies {
			return nil, fmt.Errorf("more than %d dependencies", maxDependencies)
		}
	}
	return names, nil
}

// resolve finds the package that a name leads to from any of the places, nil where there is none.
func (m *modules) resolve(places []string, name string) (*pkg.Package, error) {
	if !isNPMName(name) {
		return nil, nil
	}
	for _, place := range places {
		p, err := m.upwards(place, name)
		if p != nil || err != nil {
			return p, err
		}
	}
	return nil, nil
}

func (m *modules) upwards(folder, name string) (*pkg.Package, error) {
	for range maxFolders {
		if m.steps++; m.steps > maxSteps {
			return nil, errors.New(tooMany)
		}
		if path.Base(folder) != npmModules && m.hasModules(folder) {
			p, there, err := m.manifest(path.Join(folder, npmModules, name, npmManifest))
			if there || err != nil {
				return p, err
			}
		}
		if folder == "/" || folder == "." {
			return nil, nil
		}
		folder = path.Dir(folder)
	}
	return nil, errors.New("deeper in folders than any application")
}

func (m *modules) hasModules(folder string) bool {
	has, known := m.folders[folder]
	if !known {
		has = m.files.HasPath(path.Join(folder, npmModules))
		m.folders[folder] = has
	}
	return has
}

// manifest says whether there is a manifest at the path, through links too, and whose it is.
func (m *modules) manifest(name string) (p *pkg.Package, there bool, err error) {
	if p := m.at[name]; p != nil {
		return p, true, nil
	}
	if m.lookups++; m.lookups > maxLookups {
		return nil, false, errors.New(tooMany)
	}
	// Links that lead in circles lead nowhere.
	found, err := m.files.FilesByPath(name)
	if err != nil || len(found) == 0 {
		return nil, false, nil
	}
	p = m.at[found[0].RealPath]
	if p != nil {
		m.at[name] = p
	}
	return p, true, nil
}

// isNPMName tells a name, with or without a scope, from a path that leads elsewhere.
func isNPMName(name string) bool {
	if len(name) > maxNPMName {
		return false
	}
	scope, rest, scoped := strings.Cut(name, "/")
	if !scoped {
		return isFolder(name)
	}
	return strings.HasPrefix(scope, "@") && isFolder(scope) && isFolder(rest)
}

func isFolder(name string) bool {
	return name != "" && name != "@" && name[0] != '.' && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '/' || r == '\\'
	})
}
