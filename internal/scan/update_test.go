package scan

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anchore/grype/grype"
	"github.com/anchore/grype/grype/db/v6/distribution"

	"github.com/stepseal/stepseal/internal/mirror"
	"github.com/stepseal/stepseal/internal/outcome"
)

// site serves the folder of the built database and counts what is asked for.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newSite(t *testing.T, dir string) *site {
	t.Helper()
	s := &site{}
	files := http.StripPrefix("/databases/v6/", http.FileServer(http.Dir(dir)))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) count(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.asked {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func (s *site) address(t *testing.T) []mirror.Address {
	t.Helper()
	address, err := mirror.ParseAddress(s.URL + "/databases")
	if err != nil {
		t.Fatal(err)
	}
	return []mirror.Address{address}
}

func opened(t *testing.T, src Source, at time.Time) (Info, error) {
	t.Helper()
	db, err := Open(context.Background(), src, Limits{}, at)
	if err != nil {
		return Info{}, err
	}
	info := db.Info()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	return info, nil
}

func TestGrypesOwnDatabaseIsKeptUpToDate(t *testing.T) {
	at := newSite(t, filepath.Dir(built().Output))
	src := Source{GrypeDir: filepath.Join(t.TempDir(), "db"), Mirrors: at.address(t), CacheDir: t.TempDir()}

	if _, err := opened(t, src, now); reason(err) != outcome.DatabaseMissing {
		t.Errorf("without a database: %v", err)
	}
	src.UpdateAllowed, src.Offline = true, true
	if _, err := opened(t, src, now); reason(err) != outcome.DatabaseMissing {
		t.Errorf("offline: %v", err)
	}
	if n := at.count(""); n > 0 {
		t.Errorf("without leave to update, the server was asked %d times", n)
	}
	if _, err := os.Stat(src.GrypeDir); err == nil {
		t.Error("without leave to update, the folder was made")
	}
	src.Offline = false
	for _, c := range []struct {
		later                time.Duration
		descriptions, others int
	}{{0, 1, 1}, {time.Hour, 1, 1}, {3 * time.Hour, 2, 1}} {
		info, err := opened(t, src, now.Add(c.later))
		if err != nil {
			t.Fatal(err)
		}
		if info.SHA256 != database().Info().SHA256 {
			t.Errorf("the checksum %s is another than that of the archive's database", info.SHA256)
		}
		if at.count("latest.json") != c.descriptions || at.count(".zst") != c.others {
			t.Errorf("after %s: asked %v", c.later, at.asked)
		}
	}
	// The grype CLI takes the folder as its own.
	installed := src.place()
	installed.ValidateAge = false
	provider, _, err := grype.LoadVulnerabilityDB(distribution.DefaultConfig(), installed, false)
	if err != nil {
		t.Fatal(err)
	}
	provider.Close()

	at.Close()
	info, err := opened(t, src, now.Add(6*time.Hour))
	if err != nil {
		t.Fatalf("with a database and no server: %v", err)
	}
	if notes := strings.Join(info.Notes, "\n"); !strings.Contains(notes, "could not be updated") {
		t.Errorf("notes %q", notes)
	}
	src.GrypeDir = t.TempDir()
	if _, err := opened(t, src, now); reason(err) != outcome.DatabaseUnavailable {
		t.Errorf("without a database and without a server: %v", err)
	}
}

func TestADamagedDatabaseIsFetchedAgain(t *testing.T) {
	at := newSite(t, filepath.Dir(built().Output))
	src := Source{GrypeDir: t.TempDir(), Mirrors: at.address(t), CacheDir: t.TempDir(), UpdateAllowed: true}
	if _, err := opened(t, src, now); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(src.GrypeDir, "6", databaseFile), 8192); err != nil {
		t.Fatal(err)
	}
	if _, err := opened(t, src, now); reason(err) != outcome.DatabaseDamaged {
		t.Errorf("the damage is not seen: %v", err)
	}
	if _, err := Update(context.Background(), src, now); err != nil {
		t.Errorf("an update that was asked for: %v", err)
	}
	if at.count(".zst") != 2 {
		t.Errorf("asked %v", at.asked)
	}
}

// What a run that was killed left behind is cleared away, and never taken for a database.
func TestWhatADeadRunLeftIsClearedAway(t *testing.T) {
	at := newSite(t, filepath.Dir(built().Output))
	src := Source{GrypeDir: t.TempDir(), Mirrors: at.address(t), CacheDir: t.TempDir(), UpdateAllowed: true}
	half := filepath.Join(src.GrypeDir, stagePrefix+"1", "new")
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, databaseFile), []byte("SQLite format 3\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := opened(t, src, now); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, _ := os.ReadDir(src.GrypeDir)
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if got := strings.Join(left, " "); got != lockFile+" 6" {
		t.Errorf("in the folder: %s", got)
	}
}

func TestADatabaseIsNotReplacedWhileSomebodyReadsIt(t *testing.T) {
	src := Source{GrypeDir: folder(t), CacheDir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(src.GrypeDir, lockFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := Open(context.Background(), src, Limits{}, now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(context.Background(), src, Limits{}, now)
	if err != nil {
		t.Fatalf("two readers: %v", err)
	}
	second.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := lockFolder(ctx, src.GrypeDir, exclusive); err == nil {
		t.Error("the folder is locked beside a reader")
	}
	first.Close()
	alone, err := lockFolder(context.Background(), src.GrypeDir, exclusive)
	if err != nil {
		t.Errorf("nobody reads any more: %v", err)
	}
	if err := alone.release(); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatNobodyMayWriteIntoIsRead(t *testing.T) {
	src := Source{GrypeDir: folder(t), CacheDir: t.TempDir()}
	if _, err := opened(t, src, now); err != nil {
		t.Error(err)
	}
	if held, err := lockFolder(context.Background(), filepath.Join(src.GrypeDir, "none"), shared); held != nil || err != nil {
		t.Errorf("a folder that is not there: %v, %v", held, err)
	}
}

func TestAKeyIsDemandedOfWhateverIsUsed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{filepath.Base(built().Output), mirror.LatestFile} {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(built().Output), name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	archive := filepath.Join(dir, filepath.Base(built().Output))
	signature := filepath.Join(dir, mirror.SignatureFile)
	key := Key{ID: "key a", Verify: func(_, signature []byte) error {
		if string(signature) != "by a" {
			return os.ErrPermission
		}
		return nil
	}}
	at := newSite(t, dir)
	src := Source{GrypeDir: t.TempDir(), Mirrors: at.address(t), CacheDir: t.TempDir(), UpdateAllowed: true, Key: key}
	expect := func(what string, src Source, want outcome.Reason) {
		t.Helper()
		if _, err := opened(t, src, now); reason(err) != want {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
	named := Source{Path: archive, CacheDir: src.CacheDir, Key: key}

	expect("unsigned, from a mirror", src, outcome.DatabaseUntrusted)
	expect("unsigned, a file", named, outcome.DatabaseUntrusted)
	if at.count(".zst") > 0 {
		t.Error("the archive was fetched")
	}
	if err := os.WriteFile(signature, []byte("by a"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("signed, from a mirror", src, "")
	expect("signed, a file", named, "")
	expect("signed, a folder", Source{Path: dir, CacheDir: src.CacheDir, Key: key}, "")
	expect("already here", Source{GrypeDir: src.GrypeDir, CacheDir: src.CacheDir, Key: key}, "")
	other := Key{ID: "key b", Verify: key.Verify}
	expect("here by another key", Source{GrypeDir: src.GrypeDir, CacheDir: src.CacheDir, Key: other}, outcome.DatabaseUntrusted)
	expect("here by nobody's key", Source{GrypeDir: folder(t), CacheDir: src.CacheDir, Key: key}, outcome.DatabaseUntrusted)

	if err := os.WriteFile(signature, []byte("by b"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("signed by another, a file", named, outcome.DatabaseUntrusted)
	if _, err := Update(context.Background(), src, now); reason(err) != outcome.DatabaseUntrusted {
		t.Errorf("an update signed by another: %v", err)
	}
	if err := os.WriteFile(signature, []byte("by a"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, "changed.tar.zst")
	if err := os.WriteFile(changed, []byte("\x28\xb5\x2f\xfd changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("another archive beside the signed latest.json", Source{Path: changed, CacheDir: src.CacheDir, Key: key}, outcome.DatabaseUntrusted)
}

func TestAnImportIsWhatAnUpdateWouldBe(t *testing.T) {
	for name, path := range map[string]string{
		"an archive":                 built().Output,
		"a database":                 filepath.Join(unpacked(t), databaseFile),
		"a folder with a database":   folder(t),
		"a folder with an archive":   filepath.Dir(built().Output),
		"a database with no indexes": bare(t),
	} {
		src := Source{Path: path, GrypeDir: filepath.Join(t.TempDir(), "db"), CacheDir: t.TempDir()}
		got, err := Import(context.Background(), src, now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.SHA256 == "" || got.Folder != src.GrypeDir || len(got.Info.Providers) == 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if _, err := opened(t, Source{GrypeDir: src.GrypeDir, CacheDir: src.CacheDir}, now); err != nil {
			t.Errorf("%s: used: %v", name, err)
		}
	}
	src := Source{GrypeDir: folder(t), CacheDir: t.TempDir()}
	src.Path = filepath.Join(t.TempDir(), "x.tar.zst")
	if err := os.WriteFile(src.Path, []byte("\x28\xb5\x2f\xfd no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(context.Background(), src, now); reason(err) != outcome.DatabaseDamaged {
		t.Errorf("no archive: %v", err)
	}
	if _, err := opened(t, Source{GrypeDir: src.GrypeDir, CacheDir: src.CacheDir}, now); err != nil {
		t.Errorf("what was there before it is lost: %v", err)
	}
}

// TestAMirrorCannotLeadBack is about a latest.json that says of an old archive that it is new.
func TestAMirrorCannotLeadBack(t *testing.T) {
	ctx, dir, old := context.Background(), t.TempDir(), unpacked(t)
	held := database().Info().Built
	if err := finish(old, held.AddDate(0, 0, -10)); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "old.tar.gz")
	if _, err := pack(ctx, archive, gzipArchive, old, held); err != nil {
		t.Fatal(err)
	}
	latest, err := latestDocument(archive, Info{Built: held.AddDate(0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, mirror.LatestFile), latest, 0o600); err != nil {
		t.Fatal(err)
	}
	src := Source{GrypeDir: t.TempDir(), Mirrors: newSite(t, filepath.Dir(built().Output)).address(t), CacheDir: t.TempDir(), UpdateAllowed: true}
	if _, err := Update(ctx, src, now); err != nil {
		t.Fatal(err)
	}
	src.Mirrors = append(newSite(t, dir).address(t), src.Mirrors...)
	if _, err := Update(ctx, src, now); reason(err) != outcome.DatabaseDamaged || !strings.Contains(err.Error(), "older than the one that is here") {
		t.Errorf("an update to an older database: %v", err)
	}
	if info, err := opened(t, src, now); err != nil || !info.Built.Equal(held) {
		t.Errorf("what is here is of %s now: %v", info.Built, err)
	}
	src.Path = archive
	if got, err := Import(ctx, src, now); err != nil || !got.Info.Built.Before(held) {
		t.Errorf("what somebody carries here on purpose: %v, %v", got.Info.Built, err)
	}
}

// TestWhatIsHereFromElsewhereIsNotTheMirrorsDatabase is about a machine that several teams share: the database of one may
// be newer than another's, and lacks its advisories.
func TestWhatIsHereFromElsewhereIsNotTheMirrorsDatabase(t *testing.T) {
	ctx, dir, own := context.Background(), t.TempDir(), unpacked(t)
	earlier := database().Info().Built.Add(-time.Hour)
	if err := finish(own, earlier); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "own.tar.gz")
	if _, err := pack(ctx, archive, gzipArchive, own, earlier); err != nil {
		t.Fatal(err)
	}
	latest, err := latestDocument(archive, Info{Built: earlier})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, mirror.LatestFile), latest, 0o600); err != nil {
		t.Fatal(err)
	}
	src := Source{GrypeDir: t.TempDir(), Mirrors: newSite(t, filepath.Dir(built().Output)).address(t), CacheDir: t.TempDir(), UpdateAllowed: true}
	ours := src
	site := newSite(t, dir)
	ours.Mirrors = site.address(t)
	for what, before := range map[string]func() error{
		"another mirror's": func() error { _, err := opened(t, src, now); return err },
		"the grype CLI's":  func() error { return os.Remove(filepath.Join(src.GrypeDir, "6", stampFile)) },
	} {
		if err := os.RemoveAll(src.GrypeDir); err != nil {
			t.Fatal(err)
		}
		if _, err := opened(t, src, now); err != nil {
			t.Fatal(err)
		}
		if err := before(); err != nil {
			t.Fatal(err)
		}
		if info, err := opened(t, ours, now); err != nil || !info.Built.Equal(earlier) {
			t.Errorf("%s database is taken for that of the mirror: %s, %v", what, info.Built, err)
		}
		asked := site.count("")
		if info, err := opened(t, ours, now.Add(time.Hour)); err != nil || !info.Built.Equal(earlier) || site.count("") != asked {
			t.Errorf("the mirror's own is not kept: %s, %v, %v", info.Built, err, site.asked)
		}
	}
	// What somebody carried here counts until there is a newer one.
	if _, err := Import(ctx, Source{Path: built().Output, GrypeDir: src.GrypeDir, CacheDir: src.CacheDir}, now); err != nil {
		t.Fatal(err)
	}
	if info, err := opened(t, ours, now); err != nil || !info.Built.Equal(database().Info().Built) {
		t.Errorf("what was imported is replaced by an older one: %s, %v", info.Built, err)
	}
}

func TestACheckThatIsNotRememberedIsNoFailedUpdate(t *testing.T) {
	src := Source{GrypeDir: t.TempDir(), Mirrors: newSite(t, filepath.Dir(built().Output)).address(t), CacheDir: t.TempDir(), UpdateAllowed: true}
	if _, err := Update(context.Background(), src, now); err != nil {
		t.Fatal(err)
	}
	checked := filepath.Join(src.GrypeDir, "6", checkedFile)
	if err := errors.Join(os.Remove(checked), os.Mkdir(checked, 0o700)); err != nil {
		t.Fatal(err)
	}
	info, err := Update(context.Background(), src, now)
	if err != nil || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "the next run asks again") {
		t.Errorf("%q, %v", info.Notes, err)
	}
}

// bare is a database without the checksum beside it, as an archive of grype's publisher holds it.
func bare(t *testing.T) string {
	t.Helper()
	dir := unpacked(t)
	if err := os.Remove(filepath.Join(dir, importFile)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, databaseFile)
}

// TestADateInTheFutureIsNotFresh is about one record with a wrong year: its publisher's data, and that of all others when
// it is the newest, would never again be too old.
func TestADateInTheFutureIsNotFresh(t *testing.T) {
	tomorrow, later := now.Add(20*time.Hour), now.AddDate(70, 0, 0)
	for name, c := range map[string]struct {
		info Info
		say  string
	}{
		"a clock that is a little late": {Info{Built: tomorrow, Providers: []Provider{{"acme", tomorrow}}}, ""},
		"a provider":                    {Info{Built: now, Providers: []Provider{{"acme", later}, {"github", now}}}, "the data of acme claims to be of 2096-08-23, which is in the future"},
		"the build":                     {Info{Built: later, Providers: []Provider{{"github", now}}}, "the database claims to be built on 2096-08-23, which is in the future"},
	} {
		err := c.info.Fresh(Limits{MaxProviderAge: map[string]time.Duration{"acme": 48 * time.Hour}}, now)
		if c.say == "" && len(c.info.Providers) == 1 && err == nil {
			continue
		}
		if c.say == "" || reason(err) != outcome.DatabaseDamaged || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestADatabaseOfTheFutureIsReplaced holds that a build date which nothing can be newer than does not stop updates.
func TestADatabaseOfTheFutureIsReplaced(t *testing.T) {
	src := Source{GrypeDir: t.TempDir(), Mirrors: newSite(t, filepath.Dir(built().Output)).address(t), CacheDir: t.TempDir(), UpdateAllowed: true}
	later := unpacked(t)
	if err := finish(later, now.AddDate(70, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(src.GrypeDir, "6"), os.DirFS(later)); err != nil {
		t.Fatal(err)
	}
	info, err := Update(context.Background(), src, now)
	if err != nil || !info.Built.Equal(database().Info().Built) {
		t.Errorf("what is here is of %s: %v", info.Built, err)
	}
}

func TestAProviderMayHaveALimitOfItsOwn(t *testing.T) {
	info := Info{Built: now, Providers: []Provider{{"github", now.AddDate(0, 0, -3)}, {"kev", now}}}
	for name, c := range map[string]struct {
		limits map[string]time.Duration
		say    string
	}{
		"none":         {nil, ""},
		"fresh enough": {map[string]time.Duration{"github": 4 * 24 * time.Hour}, ""},
		"too old":      {map[string]time.Duration{"github": 48 * time.Hour, "kev": time.Hour}, "the data of github is 3 days old, at most 2 days are allowed"},
		"not there":    {map[string]time.Duration{"nvd": 48 * time.Hour}, "the database holds no data of nvd"},
	} {
		err := info.Fresh(Limits{MaxProviderAge: c.limits}, now)
		if (c.say == "") != (err == nil) || err != nil && (reason(err) != outcome.DatabaseStale || !strings.Contains(err.Error(), c.say)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
