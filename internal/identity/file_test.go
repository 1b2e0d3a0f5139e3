package identity_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/outcome"
)

// kubelet writes a token as kubelet does: the file is a link into a folder that is itself a link.
// https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/volume/util/atomic_writer.go
func kubelet(t *testing.T, token string) func(file string) {
	return func(file string) {
		folder := filepath.Dir(file)
		must(t, os.Mkdir(filepath.Join(folder, "..2026_11_27"), 0o755))
		must(t, os.WriteFile(filepath.Join(folder, "..2026_11_27", filepath.Base(file)), []byte(token), 0o600))
		must(t, os.Symlink("..2026_11_27", filepath.Join(folder, "..data")))
		must(t, os.Symlink(filepath.Join("..data", filepath.Base(file)), file))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, text string) func(file string) {
	return func(file string) { must(t, os.WriteFile(file, []byte(text), 0o600)) }
}

func TestAProjectedTokenIsRead(t *testing.T) {
	service := jwt("system:serviceaccount:ci:builder", func(c map[string]any) {
		c["aud"] = []string{"sigstore"}
		c["kubernetes.io"] = map[string]any{"namespace": "ci", "serviceaccount": map[string]any{"name": "builder"}}
	})
	for name, put := range map[string]func(file string){
		"as kubelet links it": kubelet(t, service),
		"as a plain file":     content(t, service),
		"with a newline":      content(t, service+"\n"),
		"with CR LF":          content(t, service+"\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			options, where := mounted(t, put)
			token, err := find(t, options)
			if err != nil || token.Source != identity.Projected || token.Where != identity.ProjectedFile || token.Reveal() != service {
				t.Errorf("by default: got %v, %v", token, err)
			}
			options.File = where
			if token, err = find(t, options); err != nil || token.Source != identity.Named || token.Subject != "system:serviceaccount:ci:builder" {
				t.Errorf("by name: got %v, %v", token, err)
			}
		})
	}
}

// mounted is a machine on which put has made what lies at ProjectedFile.
func mounted(t *testing.T, put func(file string)) (identity.Options, string) {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, filepath.FromSlash(identity.ProjectedFile))
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	put(file)
	return identity.Options{Files: os.DirFS(root)}, identity.ProjectedFile
}

func TestWhatIsNoProjectedToken(t *testing.T) {
	const unusable, missing = outcome.IdentityTokenUnusable, outcome.IdentityTokenMissing
	for name, test := range map[string]struct {
		put    func(file string)
		reason outcome.Reason
		want   string
	}{
		"nothing":                      {func(string) {}, missing, "no identity token"},
		"a link to nothing":            {func(file string) { must(t, os.Symlink("..data/oidc-token", file)) }, missing, "no identity token"},
		"a file in place of a folder":  {func(file string) { must(t, os.Remove(filepath.Dir(file))); content(t, "x")(filepath.Dir(file)) }, missing, "no identity token"},
		"an empty file":                {content(t, ""), unusable, "is empty"},
		"a newline":                    {content(t, "\n"), unusable, "is empty"},
		"a folder":                     {func(file string) { must(t, os.Mkdir(file, 0o755)) }, unusable, "it is a folder"},
		"a link in a circle":           {func(file string) { must(t, os.Symlink(filepath.Base(file), file)) }, unusable, "cannot be read"},
		"what is too large":            {content(t, strings.Repeat("A", 1<<20)), unusable, "it is larger than 32 KiB"},
		"a device":                     {func(file string) { must(t, os.Symlink(os.DevNull, file)) }, unusable, "it is not a regular file"},
		"a token in two lines":         {content(t, strings.Replace(jwt("x", nil), ".", ".\n", 1)), unusable, "has a payload that has a line break"},
		"a token for somebody else":    {content(t, jwt("x", func(c map[string]any) { c["aud"] = []string{"https://kubernetes.default.svc"} })), unusable, "is for the audience"},
		"a token that was not renewed": {content(t, jwt("x", func(c map[string]any) { c["exp"] = now.Unix() - 60 })), unusable, "expired at 2026-11-27T11:59:00Z, and it is 2026-11-27T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			options, where := mounted(t, test.put)
			_, err := find(t, options)
			if err == nil || err.Reason != test.reason || !strings.Contains(err.Error(), test.want) {
				t.Errorf("by default: got %v, want %q", err, test.want)
			}
			options.File = where
			if _, named := find(t, options); named == nil || named.Reason != test.reason || !strings.Contains(named.Error(), where) {
				t.Errorf("by name: got %v", named)
			}
		})
	}
}

// closed is a file system that does not let anybody look.
type closed struct{}

func (closed) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestAClosedFolderIsNotTakenForAnEmptyOne(t *testing.T) {
	_, err := find(t, identity.Options{Files: closed{}, Getenv: env("SPIFFE_ENDPOINT_SOCKET", "unix:///a")})
	if err == nil || err.Reason != outcome.IdentityTokenUnusable || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
}
