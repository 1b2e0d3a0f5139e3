package credentials

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// place is what a login is for: a registry, and, if the path is not empty, only the repositories at and below it.
// https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md#format
type place struct{ host, path string }

func (p place) String() string {
	if p.path == "" {
		return p.host
	}
	return p.host + "/" + p.path
}

// over reports whether the repository is at the place or below it. A path ends at a slash and nowhere else.
func (p place) over(repository place) bool {
	return p.host == repository.host &&
		(p.path == "" || p.path == repository.path || strings.HasPrefix(repository.path, p.path+"/"))
}

func targetOf(of authn.Resource) place {
	host := of.RegistryStr()
	path := strings.TrimPrefix(strings.TrimPrefix(of.String(), host), "/")
	return place{hostOf(host), path}
}

// maxKey bounds what can be a registry with a path.
const maxKey = 1024

// parsePlace reads the key of an entry: a host, a host with a path, or a URL as docker login once wrote it. False is for
// what can be none of them, such as a key with a user name in it, which may hold a password too.
func parsePlace(key string) (place, bool) {
	if len(key) > maxKey {
		return place{}, false
	}
	rest, url := key, false
	for _, scheme := range []string{"https://", "http://"} {
		if len(rest) >= len(scheme) && strings.EqualFold(rest[:len(scheme)], scheme) {
			rest, url = rest[len(scheme):], true
			break
		}
	}
	for _, c := range []byte(rest) {
		if c <= ' ' || c > '~' || strings.IndexByte(`@?#%*\"<>`, c) >= 0 {
			return place{}, false
		}
	}
	host, path, _ := strings.Cut(rest, "/")
	if host == "" || strings.Contains(path, "://") {
		return place{}, false
	}
	return place{hostOf(host), withoutVersion(strings.TrimRight(path, "/"), url)}, true
}

// withoutVersion drops the version of the registry's API, which is no part of a repository.
func withoutVersion(path string, url bool) string {
	first, rest, more := strings.Cut(path, "/")
	if (first == "v1" || first == "v2") && (url || !more) {
		return rest
	}
	return path
}

// dockerHub is the one name that stands for all of Docker Hub's.
const dockerHub = "docker.io"

// hostOf writes a registry in one way.
func hostOf(host string) string {
	host = strings.ToLower(host)
	switch host {
	case "index.docker.io", "registry-1.docker.io":
		return dockerHub
	}
	return host
}
