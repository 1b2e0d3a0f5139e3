package steps

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAFindingPointsAtTheLineOfItsPackage(t *testing.T) {
	files := newCheckout(fstest.MapFS{
		"package-lock.json": {Data: []byte("{\n\"node_modules/news\": {},\n\"node_modules/@types/ws\": {},\n\"node_modules/ws-client\": {},\n\"node_modules/ws\": {}}")},
		"yarn.lock":         {Data: []byte("\"@babel/core@^7\":\nlodash.merge@^4:\nlodash@^4.17.0:\n")},
		"go.mod":            {Data: []byte("require (\n\tgolang.org/x/net/extra v0.1.0\n\tgolang.org/x/net v0.1.0\n)")},
		"requirements.txt":  {Data: []byte("my.requests==1\nrequests[socks]==2.0\nurllib3")},
	})
	for _, c := range []struct {
		file, name string
		line       int
	}{{"package-lock.json", "ws", 5}, {"package-lock.json", "@types/ws", 3}, {"package-lock.json", "node", 0}, {"package-lock.json", "", 0},
		{"yarn.lock", "lodash", 3}, {"yarn.lock", "@babel/core", 1}, {"yarn.lock", "core", 0}, {"go.mod", "golang.org/x/net", 3},
		{"requirements.txt", "requests", 2}, {"requirements.txt", "urllib3", 3}, {"nothing", "ws", 0}} {
		if got := files.line(c.file, c.name); got != c.line {
			t.Errorf("%q is on line %d of %s, want %d", c.name, got, c.file, c.line)
		}
	}
}

func TestTheBaseOfAnImageIsThatOfItsLastStage(t *testing.T) {
	files := newCheckout(fstest.MapFS{"Dockerfile": {Data: []byte("# FROM what it was\nFROM golang AS build\nRUN make\n\nfrom debian:12\nCOPY --from=build /a /a\nRUN echo FROM here")}})
	if got := files.base("Dockerfile"); got != 5 {
		t.Errorf("line %d", got)
	}
}

// counting counts how often a file is opened.
type counting struct {
	fs.FS
	opened int
}

func (c *counting) Open(name string) (fs.File, error) {
	c.opened++
	return c.FS.Open(name)
}

func TestManyFindingsReadTheLockFileOnce(t *testing.T) {
	repository := &counting{FS: fstest.MapFS{"package-lock.json": {Data: []byte(strings.Repeat("a line of a lock file\n", 1000))}}}
	files := newCheckout(repository)
	for i := range 5000 {
		files.line("package-lock.json", fmt.Sprintf("package-%d", i%700))
	}
	if repository.opened != 1 {
		t.Errorf("the file was opened %d times", repository.opened)
	}
	if files.line("yarn.lock", "a"); repository.opened != 2 {
		t.Error("a file that is not there was not looked for")
	}
}
