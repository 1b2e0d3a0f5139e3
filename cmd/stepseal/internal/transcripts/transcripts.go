// Package transcripts runs scripts of what a person would type against the program, in a process of its own each time,
// with a registry, a private Sigstore and mirrors that do what the script says. Those about one subject lie in a folder
// below, and each folder is a package, so that none comes near the go command's limit of ten minutes; those about the program
// as a whole and its hosts lie in testdata of the command itself, whose test binary alone knows the modules that it was built from.
package transcripts

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/scan"
)

// Run runs the scripts of a folder. Each has a registry of its own.
func Run(t *testing.T, folder string) {
	t.Helper()
	shared := NewShared(t)
	testscript.Run(t, testscript.Params{
		Dir:                 folder,
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setUp(env, shared) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ends": ends, "outputs": outputs, "push": push, "behave": behave, "login": login, "referrers": referrers,
			"move": move, "requests": requests, "edit": edit, "interrupt": interrupt, "clean": clean, "json": jsonHas,
			"told": told, "archive": archive, "platform": platformOf, "env-from-file": envFromFile, "begins": begins,
			"reference": reference, "document": document, "swap": swap, "calm": calm, "artefact": artefact, "results": results, "mirror": mirror, "same": same, "attested": attested, "sigstore": sigstore, "token": token, "github-token": githubToken, "misbehave": misbehave, "ending": ending, "without": without, "github-base": githubBase, "tuf-mirror": tufMirror, "vault": vault, "fill": fill,
		},
	})
}

// Shared is what all scripts may read.
type Shared struct{ Database, Cache string }

// NewShared builds the database from the advisories that are checked in.
func NewShared(t *testing.T) Shared {
	t.Helper()
	dir := t.TempDir()
	s := Shared{Database: filepath.Join(dir, "advisories.tar.zst"), Cache: filepath.Join(dir, "cache")}
	_, err := scan.Build(context.Background(), scan.BuildOptions{FS: testset.FS, Output: s.Database, WorkDir: t.TempDir(), Built: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const registryKey = "registry"

func setUp(env *testscript.Env, s Shared) error {
	registry, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		return err
	}
	env.Defer(registry.Close)
	env.Values[registryKey] = registry
	env.Values[mirrorsKey] = mirrors{}
	env.Values[sigstoreKey] = &labHolder{}
	env.Values[tufKey] = &tufHolder{}
	for _, sub := range []string{"tmp", "home", "docker"} {
		if err := os.MkdirAll(filepath.Join(env.WorkDir, sub), 0o755); err != nil {
			return err
		}
	}
	env.Setenv("REGISTRY", registry.Host())
	env.Setenv("DATABASE", s.Database)
	env.Setenv("STEPSEAL_MAX_DATABASE_AGE", "0")
	env.Setenv("XDG_CACHE_HOME", s.Cache)
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("TMPDIR", filepath.Join(env.WorkDir, "tmp"))
	env.Setenv("DOCKER_CONFIG", filepath.Join(env.WorkDir, "docker"))
	env.Setenv("STEPSEAL_OUTPUTS", filepath.Join(env.WorkDir, "outputs.json"))
	return nil
}
