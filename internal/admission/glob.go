package admission

import (
	"fmt"
	"regexp"
	"strings"
)

// glob is a name of images in which * fits any text, slashes too.
type glob struct {
	host string // up to the first slash
	path string // behind it, ending with * or naming a repository alone
}

const maxGlob = 400

var (
	globHost = regexp.MustCompile(`^[a-z0-9*]([a-z0-9.*-]*[a-z0-9*])?(:[0-9]{1,5})?$`)
	globPath = regexp.MustCompile(`^[a-z0-9._/*-]+$`)
)

// parseGlob refuses a name without a registry: engines complete such names in different ways, and Docker Hub has several
// names of its own, so that an image could be written in the one that no policy looks at.
func parseGlob(text string) (glob, error) {
	if text == "*" {
		return glob{"*", "*"}, nil
	}
	host, path, ok := strings.Cut(text, "/")
	switch {
	case len(text) > maxGlob:
		return glob{}, fmt.Errorf("%.60q... is longer than %d bytes", text, maxGlob)
	case !ok || !globHost.MatchString(host) || !strings.ContainsAny(host, ".:*") && host != "localhost":
		return glob{}, fmt.Errorf("%q does not begin with a registry, such as registry.example.com/team/*", text)
	case host == "docker.io" || strings.HasSuffix(host, ".docker.io"):
		return glob{}, fmt.Errorf("%q: an image of Docker Hub can be written without its registry, and would not be looked at; copy the images to a registry with one name, or say *", text)
	case strings.ContainsAny(path, ":@"):
		return glob{}, fmt.Errorf("%q names a tag or a digest, and must name repositories", text)
	case !globPath.MatchString(path) || strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") || strings.Contains(path, "//") || strings.Contains(path, "**"):
		return glob{}, fmt.Errorf("%q is no name of repositories: lower-case letters, digits, . _ - / and * for any text", text)
	}
	return glob{host, path}, nil
}

// patterns are the glob with what may stand behind a repository: nothing, a tag or a digest. A pattern without them would
// fit no image as pods name it, and so let all of them in.
func (g glob) patterns() []string {
	switch {
	case g.host == "*" && g.path == "*":
		return []string{"*"}
	case strings.HasSuffix(g.path, "*"):
		return []string{g.host + "/" + g.path}
	}
	name := g.host + "/" + g.path
	return []string{name, name + ":*", name + "@*"}
}

// expression is the glob as RE2 over a whole reference. A * in the registry's name ends at the slash: this one says what
// may be let in, and evil.example/registry.example.com must not be it.
func (g glob) expression() string {
	host := strings.ReplaceAll(regexp.QuoteMeta(g.host), `\*`, `[^/]*`)
	path := strings.ReplaceAll(regexp.QuoteMeta(g.path), `\*`, `.*`)
	if !strings.HasSuffix(g.path, "*") {
		path += `([:@].*)?`
	}
	return "^" + host + "/" + path + "$"
}

func patterns(globs []glob) []string {
	var all []string
	for _, g := range globs {
		all = append(all, g.patterns()...)
	}
	return all
}
