package registrytest

import (
	"bytes"
	"encoding/json"
	"strings"
)

// DefaultNPM are real packages in versions without a known advisory. lodash 4.17.15 and minimist 1.2.5 have some;
// lodash 4.17.21 has CVE-2025-13465.
func DefaultNPM() []Package {
	return []Package{
		{Name: "@hapi/hoek", Version: "11.0.7"},
		{Name: "accepts", Version: "1.3.8"},
		{Name: "array-flatten", Version: "1.1.1"},
		{Name: "bytes", Version: "3.1.2"},
		{Name: "content-disposition", Version: "0.5.4"},
		{Name: "content-type", Version: "1.0.5"},
		{Name: "depd", Version: "2.0.0"},
		{Name: "destroy", Version: "1.2.0"},
		{Name: "ee-first", Version: "1.1.1"},
		{Name: "encodeurl", Version: "2.0.0"},
		{Name: "escape-html", Version: "1.0.3"},
		{Name: "etag", Version: "1.8.1"},
		{Name: "http-errors", Version: "2.0.0"},
		{Name: "inherits", Version: "2.0.4"},
		{Name: "lodash", Version: "4.18.1"},
		{Name: "mime-db", Version: "1.52.0"},
		{Name: "mime-types", Version: "2.1.35"},
		{Name: "minimist", Version: "1.2.8"},
		{Name: "ms", Version: "2.1.3"},
		{Name: "negotiator", Version: "0.6.3"},
		{Name: "on-finished", Version: "2.4.1"},
		{Name: "parseurl", Version: "1.3.3"},
		{Name: "setprototypeof", Version: "1.2.0"},
		{Name: "statuses", Version: "2.0.1"},
		{Name: "vary", Version: "1.1.2"},
	}
}

// dependenciesNPM is what the packages of DefaultNPM say that they need, of those that are in it.
func dependenciesNPM() map[string]map[string]string {
	return map[string]map[string]string{
		"accepts":     {"mime-types": "~2.1.34", "negotiator": "0.6.3"},
		"http-errors": {"depd": "2.0.0", "inherits": "2.0.4", "setprototypeof": "1.2.0", "statuses": "2.0.1"},
		"mime-types":  {"mime-db": "1.52.0"},
		"on-finished": {"ee-first": "1.1.1"},
	}
}

type manifestNPM struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	License      string            `json:"license,omitempty"`
	Private      bool              `json:"private,omitempty"`
	Dependencies map[string]string `json:"dependencies,omitempty"`
}

// https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json
type lockNPM struct {
	Name            string               `json:"name"`
	Version         string               `json:"version"`
	LockfileVersion int                  `json:"lockfileVersion"`
	Requires        bool                 `json:"requires"`
	Packages        map[string]lockEntry `json:"packages"`
}

type lockEntry struct {
	Name         string            `json:"name,omitempty"`
	Version      string            `json:"version"`
	Resolved     string            `json:"resolved,omitempty"`
	License      string            `json:"license,omitempty"`
	Dependencies map[string]string `json:"dependencies,omitempty"`
}

func npmApplication(version string, packages []Package) ([]file, error) {
	wanted := map[string]string{}
	lock := lockNPM{Name: "shop", Version: version, LockfileVersion: 3, Requires: true, Packages: map[string]lockEntry{}}
	written := map[string]any{}
	needs, installed := dependenciesNPM(), map[string]bool{}
	for _, one := range packages {
		wanted[one.Name], installed[one.Name] = one.Version, true
		folder := "node_modules/" + one.Name
		lock.Packages[folder] = lockEntry{Version: one.Version, Resolved: tarballNPM(one), License: licenseNPM(one.Name), Dependencies: needs[one.Name]}
		written[folder+"/package.json"] = manifestNPM{Name: one.Name, Version: one.Version, License: licenseNPM(one.Name), Dependencies: needs[one.Name]}
	}
	// The shop asks for what none of the others brings.
	for name, list := range needs {
		for needed := range list {
			if installed[name] {
				delete(wanted, needed)
			}
		}
	}
	lock.Packages[""] = lockEntry{Name: "shop", Version: version, Dependencies: wanted}
	written["package.json"] = manifestNPM{Name: "shop", Version: version, Private: true, Dependencies: wanted}
	written["package-lock.json"] = lock

	files := []file{{"app/index.js", 0o644, []byte("const _ = require('lodash');\nconsole.log(_.capitalize('open'));\n")}}
	for path, value := range written {
		body, err := indented(value)
		if err != nil {
			return nil, err
		}
		files = append(files, file{"app/" + path, 0o644, body})
	}
	return files, nil
}

func tarballNPM(p Package) string {
	short := p.Name[strings.LastIndex(p.Name, "/")+1:]
	return "https://registry.example.com/" + p.Name + "/-/" + short + "-" + p.Version + ".tgz"
}

func licenseNPM(name string) string {
	switch name {
	case "inherits", "setprototypeof":
		return "ISC"
	case "@hapi/hoek":
		return "BSD-3-Clause"
	default:
		return "MIT"
	}
}

func indented(value any) ([]byte, error) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(value)
	return buf.Bytes(), err
}
