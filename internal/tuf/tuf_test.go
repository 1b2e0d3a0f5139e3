package tuf

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/tuf/tuftest"
)

type bench struct {
	*testing.T
	mirror *tuftest.Repository
	of     Repository
	opt    Options
	told   []string
}

var good = map[string][]byte{"trusted_root.json": []byte(`{"root":1}`), "signing_config.v0.2.json": []byte(`{"services":1}`)}

func newBench(t *testing.T, targets map[string][]byte) *bench {
	t.Helper()
	mirror, err := tuftest.Start(targets)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mirror.Close)
	b := &bench{T: t, mirror: mirror, of: Repository{mirror.URL, mirror.Root()}}
	b.opt = Options{Cache: t.TempDir(), Scratch: t.TempDir(), Transport: http.DefaultTransport, Now: time.Now(),
		Notice: func(text string) { b.told = append(b.told, text) }}
	return b
}

func (b *bench) fetches() Published {
	b.Helper()
	published, err := b.of.Fetch(context.Background(), b.opt)
	if err != nil {
		b.Fatal(err)
	}
	return published
}

// ends fetches, and wants this reason and this text.
func (b *bench) ends(reason outcome.Reason, text string) {
	b.Helper()
	published, err := b.of.Fetch(context.Background(), b.opt)
	if err == nil || outcome.Of(err).Reason != reason || !strings.Contains(err.Error(), text) {
		b.Errorf("it ends with %v, want %s with %q", err, reason, text)
	}
	if published.TrustedRoot != nil || published.SigningConfig != nil {
		b.Error("something is handed out beside the error")
	}
}

func (b *bench) does(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) down() {
	b.mirror.Answer(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
}

func TestWhatIsPublishedIsFetched(t *testing.T) {
	b := newBench(t, good)
	got := b.fetches()
	if string(got.TrustedRoot) != `{"root":1}` || string(got.SigningConfig) != `{"services":1}` {
		t.Errorf("%s, %s", got.TrustedRoot, got.SigningConfig)
	}
}

func TestASigningConfigMayBeMissingAndARootMayNot(t *testing.T) {
	b := newBench(t, map[string][]byte{"trusted_root.json": []byte(`{}`)})
	if got := b.fetches(); got.SigningConfig != nil {
		t.Errorf("%s", got.SigningConfig)
	}
	newBench(t, map[string][]byte{"signing_config.v0.2.json": []byte(`{}`)}).ends(outcome.SigstoreUntrusted, "it has no trusted_root.json")
}

func TestAKeyThatTheRootGaveUpSignsNothingMore(t *testing.T) {
	b := newBench(t, good)
	b.fetches()
	old := b.mirror.Files()["timestamp.json"]
	b.does(b.mirror.Rotate("timestamp"))
	files := b.mirror.Files()
	files["timestamp.json"] = old
	b.mirror.Restore(files)
	b.ends(outcome.SigstoreUntrusted, "timestamp")
	b.does(b.mirror.Publish(time.Hour))
	b.fetches()
	// The cache alone has the way from the first root to the second.
	b.opt.Offline = true
	b.fetches()
}

func TestWhatDoesNotVerifyIsNotHandedOutAndTheCacheIsNoWayOut(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(*bench)
		text string
	}{
		"an expired timestamp": {func(b *bench) { b.does(b.mirror.Publish(-time.Hour)) }, "timestamp.json is expired"},
		"a wrong signature":    {func(b *bench) { b.does(b.mirror.Forge("targets")); b.does(b.mirror.Publish(time.Hour)) }, "targets"},
		"a forged timestamp":   {func(b *bench) { b.does(b.mirror.Forge("timestamp")); b.does(b.mirror.Publish(time.Hour)) }, "timestamp"},
		"a target that was changed": {func(b *bench) {
			b.does(b.mirror.Publish(time.Hour))
			files := b.mirror.Files()
			for name := range files {
				if strings.HasSuffix(name, ".trusted_root.json") {
					files[name] = []byte(`{"root":2}`)
				}
			}
			b.mirror.Restore(files)
		}, "hash"},
		"an endless answer": {func(b *bench) {
			b.mirror.Answer(func(w http.ResponseWriter, req *http.Request) bool {
				if req.URL.Path != "/timestamp.json" {
					return false
				}
				for {
					if _, err := w.Write(make([]byte, 64<<10)); err != nil {
						return true
					}
				}
			})
		}, "longer than 16384 bytes"},
		"endless roots": {func(b *bench) {
			for range maxRotations + 20 {
				b.does(b.mirror.Rotate("snapshot"))
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, warm := range []bool{false, true} {
				b := newBench(t, good)
				if warm {
					b.fetches()
				}
				c.harm(b)
				b.ends(outcome.SigstoreUntrusted, c.text)
				if n := len(b.mirror.Requests()); n > maxRequests+10 {
					t.Errorf("%d requests", n)
				}
			}
		})
	}
}

func TestARepositoryIsNotTakenBackBehindWhatWasSeen(t *testing.T) {
	b := newBench(t, good)
	first := b.mirror.Files()
	b.does(b.mirror.Publish(time.Hour))
	b.fetches()
	b.mirror.Restore(first)
	b.ends(outcome.SigstoreUntrusted, "timestamp version 1 must be >= 2")
	b.opt.Cache = t.TempDir()
	b.fetches() // who has not seen the second one cannot know
}

func TestTargetsByOtherNamesAreNeitherReadNorWritten(t *testing.T) {
	targets := map[string][]byte{"../../escaped.json": []byte("1"), "/etc/escaped.json": []byte("2"), "..\\escaped.json": []byte("3")}
	for name, content := range good {
		targets[name] = content
	}
	b := newBench(t, targets)
	above := t.TempDir()
	b.opt.Cache, b.opt.Scratch = filepath.Join(above, "a", "cache"), filepath.Join(above, "a", "scratch")
	b.does(os.MkdirAll(b.opt.Scratch, 0o755))
	b.fetches()
	var files []string
	b.does(filepath.WalkDir(above, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	if len(files) != 1 || files[0] != b.opt.file(b.of) {
		t.Errorf("there are %v", files)
	}
	if slices.ContainsFunc(b.mirror.Requests(), func(path string) bool { return strings.Contains(path, "escaped") }) {
		t.Error("one of them is asked for")
	}
}

func TestAMirrorThatCannotBeReached(t *testing.T) {
	b := newBench(t, good)
	b.down()
	b.ends(outcome.SigstoreUnavailable, "502")
	if hints := outcome.Of(func() error { _, err := b.of.Fetch(context.Background(), b.opt); return err }()).Advice(); !strings.Contains(strings.Join(hints, " "), "trusted-root") {
		t.Errorf("the advice is %v", hints)
	}
	b.mirror.Answer(nil)
	b.fetches()
	b.down()
	if b.fetches(); len(b.told) != 1 || !strings.Contains(b.told[0], "cannot be reached") {
		t.Errorf("told %q", b.told)
	}
	// What is kept expires all the same.
	b.opt.Now = b.opt.Now.Add(25 * time.Hour)
	b.ends(outcome.SigstoreUnavailable, "nothing that was fetched before is good any more")
}

func TestOfflineNothingIsAsked(t *testing.T) {
	b := newBench(t, good)
	b.opt.Offline = true
	b.ends(outcome.SigstoreUnavailable, "nothing was fetched before")
	b.opt.Offline = false
	b.fetches()
	b.mirror.Requests()
	b.opt.Offline = true
	if got := b.fetches(); string(got.TrustedRoot) != `{"root":1}` {
		t.Errorf("%s", got.TrustedRoot)
	}
	b.opt.Now = b.opt.Now.Add(25 * time.Hour)
	b.ends(outcome.SigstoreUnavailable, "expired")
	if asked := b.mirror.Requests(); len(asked) > 0 {
		t.Errorf("%v was asked for", asked)
	}
}

func TestACacheThatWasTamperedWithIsNeverAPass(t *testing.T) {
	for name, change := range map[string]func(documents){
		"the target": func(d documents) { d.swap("trusted_root.json", []byte(`{"root":9}`)) },
		"the timestamp": func(d documents) {
			d.swap("timestamp.json", []byte(`{"signatures":[],"signed":{"_type":"timestamp"}}`))
		},
		"the targets":  func(d documents) { d.swap("targets.json", []byte(`{}`)) },
		"the snapshot": func(d documents) { d.swap("snapshot.json", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, good)
			b.fetches()
			held := b.opt.load(b.of)
			change(held)
			b.opt.keep(b.of, held)
			b.opt.Offline = true
			b.ends(outcome.SigstoreUnavailable, "not good any more")
			b.opt.Offline = false
			if got := b.fetches(); string(got.TrustedRoot) != `{"root":1}` {
				t.Errorf("%s", got.TrustedRoot)
			}
			b.opt.Offline = true
			b.fetches() // it is mended
		})
	}
}

// swap changes every document of that name.
func (d documents) swap(suffix string, content []byte) {
	for name := range d {
		if strings.HasSuffix(name, suffix) {
			d[name] = content
		}
	}
}

func TestACacheOfAnotherMirrorOrRootIsNotUsed(t *testing.T) {
	b := newBench(t, good)
	b.fetches()
	content, err := os.ReadFile(b.opt.file(b.of))
	b.does(err)
	other := newBench(t, good)
	other.does(os.MkdirAll(filepath.Join(other.opt.Cache, "tuf"), 0o755))
	other.does(os.WriteFile(other.opt.file(other.of), content, 0o600))
	other.opt.Offline = true
	other.ends(outcome.SigstoreUnavailable, "nothing was fetched before")
}

func TestRunsBesideEachOtherShareACache(t *testing.T) {
	b := newBench(t, good)
	var all sync.WaitGroup
	for range 8 {
		opt := b.opt
		opt.Scratch = t.TempDir()
		all.Go(func() {
			for range 5 {
				if got, err := b.of.Fetch(context.Background(), opt); err != nil || string(got.TrustedRoot) != `{"root":1}` {
					t.Errorf("%s, %v", got.TrustedRoot, err)
				}
			}
		})
	}
	all.Wait()
	b.opt.Offline = true
	b.fetches()
}

func TestARunThatIsStoppedSaysSo(t *testing.T) {
	b := newBench(t, good)
	b.fetches()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.of.Fetch(ctx, b.opt); err != context.Canceled {
		t.Errorf("it ends with %v", err)
	}
}

func TestThePublicRootIsOneAndOthersAreToldFromIt(t *testing.T) {
	if err := Public().Check(); err != nil {
		t.Error(err)
	}
	for _, of := range []Repository{{"ftp://x", Public().Root}, {"https://user@host", Public().Root}, {"https://host", []byte("{}")}, {"https://host", nil}} {
		if err := of.Check(); outcome.Of(err) == nil || outcome.Of(err).Reason != outcome.TrustUnusable {
			t.Errorf("%s: %v", of.Mirror, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"mirror":"https://m","documents":{"timestamp.json":"e30="}}`))
	f.Add([]byte(`{"mirror":"https://m","documents":{"../x":null}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		held := parse(content, "https://m")
		folder := t.TempDir()
		if err := held.layOut(folder); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) > 3 {
			t.Fatalf("%v, %v", entries, err)
		}
	})
}
