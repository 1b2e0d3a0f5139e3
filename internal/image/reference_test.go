package image_test

import (
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/image"
)

const digest = "sha256:9f2c0000000000000000000000000000000000000000000000000000000000ab"

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		text, repository, tag, wrong string
	}{
		"a tag":                          {text: "registry.example.com/team/app:1.0", repository: "registry.example.com/team/app", tag: "1.0"},
		"a digest":                       {text: "registry.example.com/team/app@" + digest, repository: "registry.example.com/team/app"},
		"a tag and a digest":             {text: "registry.example.com/team/app:1.0@" + digest, repository: "registry.example.com/team/app", tag: "1.0"},
		"neither: the tag is latest":     {text: "registry.example.com/app", repository: "registry.example.com/app", tag: "latest"},
		"a port and no tag":              {text: "localhost:5000/app@" + digest, repository: "localhost:5000/app"},
		"Docker Hub's short names":       {text: "alpine:3.22", repository: "index.docker.io/library/alpine", tag: "3.22"},
		"a layout":                       {text: "oci-layout:build/app:1.0", repository: "oci-layout:build/app", tag: "1.0"},
		"a layout without a tag":         {text: "oci-layout:build/app", repository: "oci-layout:build/app"},
		"a layout below a strange path":  {text: "oci-layout:a:b/app", repository: "oci-layout:a:b/app"},
		"nothing":                        {text: "", wrong: "empty"},
		"a layout of nothing":            {text: "oci-layout:", wrong: "names no folder"},
		"upper case":                     {text: "registry.example.com/App:1.0", wrong: "not an image reference"},
		"a digest that is cut short":     {text: "registry.example.com/app@sha256:abc", wrong: "is not a digest"},
		"a digest in upper case":         {text: "registry.example.com/app@" + strings.ToUpper(digest), wrong: "is not a digest"},
		"a digest of another algorithm":  {text: "registry.example.com/app@sha512:" + strings.Repeat("a", 128), wrong: "is not a digest"},
		"an at sign and no digest":       {text: "registry.example.com/app@", wrong: "should follow"},
		"a control character":            {text: "registry.example.com/app\n::set-output", wrong: "control character"},
		"something far too long":         {text: strings.Repeat("a", 2000), wrong: "1024"},
		"a source that is not read here": {text: "oci-archive:app.tar", wrong: "is not a source"},

		"an archive":                       {text: "docker-archive:build/app.tar", repository: "docker-archive:build/app.tar"},
		"an archive and a name":            {text: "docker-archive:app.tar:team/app:1.0", repository: "docker-archive:app.tar:team/app:1.0"},
		"an archive of nothing":            {text: "docker-archive:", wrong: "names no file"},
		"a daemon's image":                 {text: "docker:team/app:1.0", repository: "docker:team/app:1.0"},
		"a daemon's image by digest":       {text: "docker:app@" + digest, repository: "docker:app@" + digest},
		"a daemon's image by id":           {text: "docker:" + digest, repository: "docker:" + digest},
		"a daemon's nothing":               {text: "docker:", wrong: "is not what a daemon calls"},
		"a way out of the daemon's images": {text: "docker:../containers/x", wrong: "is not what a daemon calls"},
		"a query for the daemon":           {text: "docker:app?x=y", wrong: "is not what a daemon calls"},
		"a folder":                         {text: "dir:/", repository: "dir:/"},
		"a folder of nothing":              {text: "dir:", wrong: "names no folder"},
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := image.Parse(test.text)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Fatalf("got %v, want %q", err, test.wrong)
				}
				return
			}
			if err != nil || ref.Repository() != test.repository || ref.Tag() != test.tag {
				t.Errorf("got %q %q %v", ref.Repository(), ref.Tag(), err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a:b@" + digest, "oci-layout:a:b", "localhost:5000/x", "::", "a@b@c", "docker:x", "docker-archive:a:b", "dir:.", "docker:a/../b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := image.Parse(text)
		if err != nil {
			return
		}
		if ref.String() != text || ref.Repository() == "" || strings.ContainsAny(ref.Repository()+ref.Tag(), "\n\r\x1b") {
			t.Errorf("%q became %q %q", text, ref.Repository(), ref.Tag())
		}
	})
}
