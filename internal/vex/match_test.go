package vex_test

import (
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/vex"
)

func TestMatchPURL(t *testing.T) {
	for name, test := range map[string]struct {
		pattern, purl string
		want          bool
	}{
		"the same":                                 {"pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.20", true},
		"any version":                              {"pkg:npm/lodash", "pkg:npm/lodash@4.17.20", true},
		"another version":                          {"pkg:npm/lodash@4.17.21", "pkg:npm/lodash@4.17.20", false},
		"a version where the package has none":     {"pkg:npm/lodash@4.17.21", "pkg:npm/lodash", false},
		"a version that only begins alike":         {"pkg:npm/lodash@4.17", "pkg:npm/lodash@4.17.20", false},
		"another type":                             {"pkg:npm/requests@1", "pkg:pypi/requests@1", false},
		"another namespace":                        {"pkg:deb/debian/curl@1", "pkg:deb/ubuntu/curl@1", false},
		"no namespace":                             {"pkg:npm/left", "pkg:npm/%40acme/left", false},
		"a namespace, encoded or not":              {"pkg:npm/%40acme/left@1", "pkg:npm/@acme/left@1", true},
		"a version, encoded or not":                {"pkg:deb/debian/libc6@2.36-9%2Bdeb12u3", "pkg:deb/debian/libc6@2.36-9+deb12u3", true},
		"qualifiers that the pattern lacks":        {"pkg:deb/debian/curl@1", "pkg:deb/debian/curl@1?arch=amd64&distro=debian-12", true},
		"qualifiers in another order":              {"pkg:rpm/x/a@1?epoch=1&arch=x86_64", "pkg:rpm/x/a@1?arch=x86_64&epoch=1&distro=el9", true},
		"a qualifier that the package lacks":       {"pkg:deb/debian/curl@1?distro=debian-11", "pkg:deb/debian/curl@1", false},
		"a qualifier of another value":             {"pkg:deb/debian/curl@1?distro=debian-11", "pkg:deb/debian/curl@1?distro=debian-12", false},
		"an empty qualifier says nothing":          {"pkg:deb/debian/curl@1?distro=", "pkg:deb/debian/curl@1", true},
		"no subpath":                               {"pkg:golang/example.com/a@v1", "pkg:golang/example.com/a@v1#sub/dir", true},
		"a subpath":                                {"pkg:golang/example.com/a@v1#sub/dir", "pkg:golang/example.com/a@v1#sub/dir", true},
		"another subpath":                          {"pkg:golang/example.com/a@v1#sub", "pkg:golang/example.com/a@v1", false},
		"names of PyPI mean the same in two forms": {"pkg:pypi/Typing_Extensions@4", "pkg:pypi/typing-extensions@4", true},
		"names of Maven have a case":               {"pkg:maven/a/Core@4", "pkg:maven/a/core@4", false},
		"types have none":                          {"pkg:NPM/lodash", "pkg:npm/lodash@1", true},
		"two slashes":                              {"pkg://npm/lodash@1", "pkg:npm/lodash@1", true},
		"no purl as a pattern":                     {"lodash", "lodash", false},
		"nothing":                                  {"", "", false},
		"a star is a name":                         {"pkg:npm/*", "pkg:npm/lodash", false},
		"a pattern without end":                    {"pkg:npm/" + strings.Repeat("a", 5000), "pkg:npm/" + strings.Repeat("a", 5000), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := vex.MatchPURL(test.pattern, test.purl); got != test.want {
				t.Errorf("%q of %q: %v", test.pattern, test.purl, got)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	api := vex.Image{Repository: "ghcr.io/acme/api", Tag: "1.2", Digests: []string{digest("a"), digest("f")}, Arch: "amd64", OS: "linux",
		BOMs: []string{"urn:uuid:3E671687-395b-41f5-a30f-a58921a69b79"}}
	hub := vex.Image{Repository: "index.docker.io/library/nginx", Tag: "1.25", Digests: []string{digest("b")}}
	local := vex.Image{Digests: []string{digest("c")}}
	const curl = "pkg:deb/debian/curl@7.88.1?arch=amd64"
	for name, test := range map[string]struct {
		product vex.Product
		image   vex.Image
		want    bool
	}{
		"the image by its digest":                {vex.Product{PURL: "pkg:oci/api@" + digest("a"), Digest: digest("a")}, api, true},
		"the index by its digest":                {vex.Product{Digest: digest("f")}, api, true},
		"an image without a registry":            {vex.Product{Digest: digest("c")}, local, true},
		"another digest, the same name":          {vex.Product{PURL: "pkg:oci/api@" + digest("d") + "?repository_url=ghcr.io/acme/api", Digest: digest("d")}, api, false},
		"another digest in a hash":               {vex.Product{PURL: "pkg:oci/api?repository_url=ghcr.io/acme/api", Digest: digest("d")}, api, false},
		"one package of the image":               {vex.Product{Digest: digest("a"), Subcomponents: []string{"pkg:npm/x", "pkg:deb/debian/curl"}}, api, true},
		"another package of the image":           {vex.Product{Digest: digest("a"), Subcomponents: []string{"pkg:npm/x"}}, api, false},
		"the package of another image":           {vex.Product{Digest: digest("d"), Subcomponents: []string{"pkg:deb/debian/curl"}}, api, false},
		"the package anywhere":                   {vex.Product{PURL: "pkg:deb/debian/curl"}, api, true},
		"another version of the package":         {vex.Product{PURL: "pkg:deb/debian/curl@7"}, api, false},
		"the package with parts":                 {vex.Product{PURL: "pkg:deb/debian/curl", Subcomponents: []string{"pkg:deb/debian/curl"}}, api, false},
		"the repository":                         {vex.Product{PURL: "pkg:oci/api?repository_url=ghcr.io/acme/api"}, api, true},
		"the repository, by its parent":          {vex.Product{PURL: "pkg:oci/api?repository_url=ghcr.io/acme"}, api, true},
		"the repository and the tag":             {vex.Product{PURL: "pkg:oci/api?repository_url=ghcr.io/acme/api&tag=1.2"}, api, true},
		"the tag for a version":                  {vex.Product{PURL: "pkg:oci/api@1.2"}, api, true},
		"another tag":                            {vex.Product{PURL: "pkg:oci/api?repository_url=ghcr.io/acme/api&tag=1.3"}, api, false},
		"another repository":                     {vex.Product{PURL: "pkg:oci/api?repository_url=ghcr.io/other/api"}, api, false},
		"a repository that only ends alike":      {vex.Product{PURL: "pkg:oci/api?repository_url=hcr.io/acme/api"}, api, false},
		"a name beside the repository's":         {vex.Product{PURL: "pkg:oci/web?repository_url=ghcr.io/acme/api"}, api, false},
		"the architecture":                       {vex.Product{PURL: "pkg:oci/api?arch=amd64&os=linux"}, api, true},
		"a digest and the architecture":          {vex.Product{PURL: "pkg:oci/api@" + digest("f") + "?arch=amd64", Digest: digest("f")}, api, true},
		"a digest and another architecture":      {vex.Product{PURL: "pkg:oci/api@" + digest("f") + "?arch=arm64", Digest: digest("f")}, api, false},
		"a digest and another system":            {vex.Product{PURL: "pkg:oci/api@" + digest("f") + "?os=windows", Digest: digest("f")}, api, false},
		"another architecture":                   {vex.Product{PURL: "pkg:oci/api?arch=arm64"}, api, false},
		"an architecture of an unknown image":    {vex.Product{PURL: "pkg:docker/nginx@1.25?arch=amd64"}, hub, false},
		"a qualifier that nobody knows":          {vex.Product{PURL: "pkg:oci/api?colour=red"}, api, false},
		"any image of the name":                  {vex.Product{PURL: "pkg:oci/API"}, api, true},
		"an image of Docker Hub":                 {vex.Product{PURL: "pkg:docker/library/nginx@1.25"}, hub, true},
		"one of its own":                         {vex.Product{PURL: "pkg:docker/nginx"}, hub, true},
		"one of another there":                   {vex.Product{PURL: "pkg:docker/acme/nginx"}, hub, false},
		"an image of the hub, elsewhere":         {vex.Product{PURL: "pkg:docker/acme/api"}, api, false},
		"a docker purl with a registry":          {vex.Product{PURL: "pkg:docker/acme/api@1.2?repository_url=ghcr.io"}, api, true},
		"an image of the hub, by OCI":            {vex.Product{PURL: "pkg:oci/nginx?repository_url=docker.io/library/nginx"}, hub, true},
		"a name where the image has none":        {vex.Product{PURL: "pkg:oci/api"}, local, false},
		"the document that lists the image":      {vex.Product{BOM: "3e671687-395b-41f5-a30f-a58921a69b79"}, api, true},
		"a package of that document":             {vex.Product{BOM: "3e671687-395b-41f5-a30f-a58921a69b79", PURL: "pkg:deb/debian/curl@7.88.1"}, api, true},
		"another document":                       {vex.Product{BOM: otherBOM}, api, false},
		"the package of another document":        {vex.Product{BOM: otherBOM, PURL: "pkg:deb/debian/curl@7.88.1"}, api, false},
		"nothing":                                {vex.Product{}, api, false},
		"nothing, with a package":                {vex.Product{Subcomponents: []string{"pkg:deb/debian/curl"}}, api, false},
		"a purl that cannot be read":             {vex.Product{PURL: "pkg:oci"}, api, false},
		"a digest where the image has no digest": {vex.Product{Digest: digest("a")}, vex.Image{Repository: "ghcr.io/acme/api"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.product.Covers(test.image, curl); got != test.want {
				t.Errorf("covers: %v", got)
			}
			isPackage := strings.HasPrefix(test.product.PURL, "pkg:deb/")
			if got := test.product.Is(test.image); got && (isPackage || !test.want && len(test.product.Subcomponents) == 0) {
				t.Errorf("is the image: %v", got)
			}
		})
	}
}
