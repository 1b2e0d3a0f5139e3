package credentials

import (
	"cmp"
	"errors"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
)

// source is one place of the list: a login that was handed in, or a document with many.
type source struct {
	name string // as people know it
	what string // what an error calls it
	path string // of the file; empty where it is none

	login Login  // handed in
	host  string // the only registry that login counts for

	text  string // handed in as it is
	named bool   // the user named the place, so that not getting there is an error
	flat  bool   // the old format of .dockercfg
}

// set reports whether there is anything to look at.
func (s source) set() bool { return s.path != "" || s.text != "" || s.login.given() }

func (s source) authorization() *authn.AuthConfig {
	return &authn.AuthConfig{Username: s.login.Username, Password: s.login.Password}
}

func (s source) read() ([]byte, error) {
	if s.path == "" {
		return []byte(s.text), nil
	}
	doc, err := readFile(s.path)
	if errors.Is(err, errClosed) && !s.named {
		// HOME of another user, as with a random uid: logins there are not meant for this one.
		return nil, errMissing
	}
	return doc, err
}

// jobHost is the registry that GitHub's job token is for.
const jobHost = "ghcr.io"

const docker, podman = "Docker's configuration", "the login file"

// list is the order in which logins are looked for.
func (from Sources) list() []source {
	getenv := from.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	home := cmp.Or(getenv("HOME"), getenv("USERPROFILE"))
	all := []source{
		{name: "registry-username and registry-password", login: from.Given, host: hostOf(from.Host)},
		{name: "$DOCKER_AUTH_CONFIG", what: "the variable", text: getenv("DOCKER_AUTH_CONFIG")},
	}
	all = append(all, folder("$DOCKER_CONFIG", getenv("DOCKER_CONFIG"))...)
	all = append(all, folder("$STEPSEAL_DOCKER_CONFIG", from.Folder)...)
	all = append(all,
		source{name: "Tekton's credentials", what: "Tekton's credentials", path: join(from.Tekton, ".docker", "config.json")},
		source{name: "$HOME/.docker", what: docker, path: join(home, ".docker", "config.json")},
		source{name: "$REGISTRY_AUTH_FILE", what: podman, path: getenv("REGISTRY_AUTH_FILE"), named: true},
		source{name: "$XDG_RUNTIME_DIR/containers", what: podman, path: join(getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")},
		source{name: "~/.config/containers", what: podman, path: join(cmp.Or(getenv("XDG_CONFIG_HOME"), join(home, ".config")), "containers", "auth.json")},
		source{name: "the job's token", login: from.Job, host: jobHost},
	)
	return once(all)
}

// folder are the files of a folder such as DOCKER_CONFIG: Docker's own, and the keys of a Secret of the types
// kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg that was mounted there.
func folder(name, path string) []source {
	if path == "" {
		return []source{{name: name}}
	}
	return []source{
		{name: name, what: docker, path: join(path, "config.json"), named: true},
		{name: name, what: docker, path: join(path, ".dockerconfigjson"), named: true},
		{name: name, what: docker, path: join(path, ".dockercfg"), named: true, flat: true},
	}
}

// join is empty where the folder is.
func join(folder string, elements ...string) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(append([]string{folder}, elements...)...)
}

// once leaves out a file that stands further up already.
func once(all []source) []source {
	seen, list := map[string]bool{}, []source{}
	for _, s := range all {
		if at := filepath.Clean(s.path); s.path == "" || !seen[at] {
			seen[at] = true
			list = append(list, s)
		}
	}
	return list
}
