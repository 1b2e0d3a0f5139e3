package step

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Somebody proposes a change together with the waiver that it needs. It is judged by its own rules, and the reader is told
// before anything else.
func TestAttack33RulesThatAChangeBrings(t *testing.T) {
	const mine = "version: 1\npaint:\n  colour: blue\n"
	for name, test := range map[string]struct {
		proposed bool
		base     func(context.Context, string) ([]byte, error)
		says     string // empty: nothing is told
	}{
		"others than those before": {true, func(context.Context, string) ([]byte, error) { return []byte("version: 1\n"), nil }, "This change also changes .stepseal.yaml"},
		"where there were none":    {true, func(context.Context, string) ([]byte, error) { return nil, fs.ErrNotExist }, "This change also changes .stepseal.yaml"},
		"nobody can tell":          {true, func(context.Context, string) ([]byte, error) { return nil, fs.ErrPermission }, "could not be found out"},
		"nobody can be asked":      {true, nil, "is judged by .stepseal.yaml as it brings it itself"},
		"the same":                 {true, func(context.Context, string) ([]byte, error) { return []byte(mine), nil }, ""},
		"it is accepted already":   {false, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile(ConfigFile, []byte(mine), 0o600); err != nil {
				t.Fatal(err)
			}
			host := &quiet{}
			spec := &Spec{Name: "s", Inputs: []Input{colour, config}, LocalConfig: true, Run: func(context.Context, *Run) error { return nil }}
			world := World{Getenv: func(string) string { return "" }, Host: host, NewScratch: func() (string, error) { return t.TempDir(), nil },
				Change: Change{Proposed: test.proposed, Base: test.base}}
			if err := Execute(t.Context(), spec, nil, nil, []Declaration{colour.Declaration(), config.Declaration()}, world); err != nil {
				t.Fatal(err)
			}
			if notice := string(host.results[0].Notice); !strings.Contains(notice, test.says) || (test.says == "") != (notice == "") {
				t.Errorf("it is told %q", notice)
			}
		})
	}
}

// A checkout says whom to trust, and what is enough: neither counts unless its file was named.
func TestAttack34TrustInACheckout(t *testing.T) {
	require := Text(Declaration{Name: "require", Usage: "x", Default: "all", Section: "verify"})
	whom := Structured(Declaration{Name: trustSection, Usage: "x"}, func(n *yaml.Node) (string, []string) { return n.Value, nil })
	for name, test := range map[string]struct{ file, want string }{
		"found":           {"", "all blue, trusting nobody"},
		"named by a flag": {ConfigFile, "nothing blue, trusting mallory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile(ConfigFile, []byte("version: 1\nverify:\n  require: nothing\npaint:\n  colour: blue\ntrust: mallory\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var got string
			spec := &Spec{Name: "s", Inputs: []Input{require, colour, config}, LocalConfig: true, Run: func(_ context.Context, r *Run) error {
				who := whom.Of(r)
				if who == "" {
					who = "nobody"
				}
				got = require.Of(r) + " " + colour.Of(r) + ", trusting " + who
				return nil
			}}
			known := []Declaration{require.Declaration(), whom.Declaration(), colour.Declaration(), config.Declaration()}
			world := World{Getenv: func(string) string { return "" }, Host: &quiet{}, NewScratch: func() (string, error) { return t.TempDir(), nil }}
			if err := Execute(t.Context(), spec, map[string]string{"config": test.file}, nil, known, world); err != nil || got != test.want {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}
