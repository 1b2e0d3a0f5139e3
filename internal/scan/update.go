package scan

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anchore/clio"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/distribution"
	"github.com/anchore/grype/grype/db/v6/installation"

	"github.com/stepseal/stepseal/internal/mirror"
	"github.com/stepseal/stepseal/internal/outcome"
)

const (
	// checkedFile is grype's: when an address was asked last. Neither it nor we ask again within checkEvery.
	checkedFile = "last_update_check"
	checkEvery  = 2 * time.Hour

	downloadDir = ".stepseal-download" // in grype's folder: what was not finished is gone on with
)

// place is where the grype CLI keeps its database.
func (s Source) place() installation.Config {
	at := installation.DefaultConfig(clio.Identification{Name: "grype"})
	if s.GrypeDir != "" {
		at.DBRootDir = s.GrypeDir
	}
	return at
}

// grypes is the database that the grype CLI uses on this machine, after an update if that is allowed and due. An update
// that fails is told and no more: whether what is there is fresh enough is judged by its date. Without a database that
// can be used, or with one from elsewhere than the addresses that are named, why it failed is the answer.
func (s Source) grypes(ctx context.Context, now time.Time) (located, error) {
	at := s.place()
	hold, notes, failed := s.current(ctx, at, now)
	if ctx.Err() != nil {
		return located{}, errors.Join(ctx.Err(), hold.release())
	}
	if failed != nil && s.foreign(at) {
		return located{}, errors.Join(failed, hold.release())
	}
	here, err := s.installed(ctx, at, now)
	if err != nil {
		if failed != nil && s.installedBuild(at, now).IsZero() {
			err = failed
		}
		_ = hold.release()
		return located{}, err
	}
	if failed != nil {
		notes = append(notes, "the database could not be updated: "+inOneLine(failed))
	}
	here.notes, here.hold = append(here.notes, notes...), hold
	return here, nil
}

// inOneLine is an error with its evidence, for a note.
func inOneLine(err error) string {
	return strings.Join(append([]string{err.Error()}, outcome.Of(err).Evidence...), "; ")
}

func (s Source) installed(ctx context.Context, at installation.Config, now time.Time) (located, error) {
	if _, err := os.Stat(at.DBFilePath()); errors.Is(err, fs.ErrNotExist) {
		missing := outcome.New(outcome.DatabaseMissing, "there is no database in %s", at.DBDirectoryPath())
		if s.Offline {
			missing.Hint("offline nothing is downloaded: stepseal database import puts one there, or name one with --database")
		}
		return located{}, missing
	}
	if _, err := os.Stat(filepath.Join(at.DBDirectoryPath(), importFile)); err != nil {
		return located{}, damaged(at.DBDirectoryPath()).Because(err) // grype's own always has its checksum
	}
	return Source{Path: at.DBFilePath(), CacheDir: s.CacheDir, Key: s.Key}.locate(ctx, now)
}

// current takes the database for reading, after an update if one is due. Runs beside each other wait for the one that
// updates, and then find nothing left to do.
func (s Source) current(ctx context.Context, at installation.Config, now time.Time) (hold *lock, notes []string, failed error) {
	if s.mayUpdate() {
		hold, err := lockFolder(ctx, at.DBRootDir, shared)
		if err == nil && s.checkedLately(at, now) {
			return hold, nil, nil
		}
		_ = hold.release()
		notes, failed = s.updateAlone(ctx, at, now, false)
	}
	hold, err := lockFolder(ctx, at.DBRootDir, shared)
	if err != nil {
		notes = append(notes, "the database is read without a lock: "+err.Error())
	}
	return hold, notes, failed
}

func (s Source) mayUpdate() bool { return s.UpdateAllowed && !s.Offline }

// Update brings the database that the grype CLI uses up to date, and says what it is then. Asking is due always.
func Update(ctx context.Context, s Source, now time.Time) (Info, error) {
	if !s.mayUpdate() {
		return Info{}, outcome.New(outcome.InvalidInput, "an update reaches out, and that is not allowed")
	}
	s.Path = ""
	notes, err := s.updateAlone(ctx, s.place(), now, true)
	if err != nil {
		return Info{}, err
	}
	s.UpdateAllowed = false
	info, err := Status(ctx, s, now)
	info.Notes = append(notes, info.Notes...)
	return info, err
}

// updateAlone does it while nobody reads. Whoever had to wait may find it done.
func (s Source) updateAlone(ctx context.Context, at installation.Config, now time.Time, always bool) (notes []string, err error) {
	if err := os.MkdirAll(at.DBRootDir, 0o755); err != nil {
		return nil, outcome.New(outcome.OutputUnwritable, "the database folder %s cannot be made", at.DBRootDir).Because(err)
	}
	alone, err := lockFolder(ctx, at.DBRootDir, exclusive)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, outcome.New(outcome.OutputUnwritable, "the database folder %s cannot be locked", at.DBRootDir).Because(err)
	}
	defer alone.release()
	if !always && s.checkedLately(at, now) {
		return nil, nil
	}
	return s.update(ctx, at, now)
}

func (s Source) update(ctx context.Context, at installation.Config, now time.Time) (notes []string, err error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	downloads := filepath.Join(at.DBRootDir, downloadDir)
	if err := os.MkdirAll(downloads, 0o700); err != nil {
		return nil, outcome.New(outcome.OutputUnwritable, "the database folder %s cannot be written", at.DBRootDir).Because(err)
	}
	have := s.installedBuild(at, now)
	got, err := client.Newest(ctx, downloads, func(l mirror.Latest) bool { return l.Built.After(have) })
	if err != nil {
		return nil, err
	}
	if got.Archive != "" {
		of := stamp{Archive: got.Latest.SHA256, Key: s.Key.ID, From: got.From.String()}
		if err := install(ctx, at, got.Archive, of, have.Truncate(time.Second)); err != nil {
			return nil, err
		}
		_ = os.Remove(got.Archive)
	}
	_ = os.Remove(downloads) // if it is empty
	if err := markChecked(at.DBDirectoryPath(), now); err != nil {
		got.Notes = append(got.Notes, "it is not remembered when the database was asked for, so that the next run asks again: "+err.Error())
	}
	return got.Notes, nil
}

func (s Source) client() (mirror.Client, error) {
	addresses := s.Mirrors
	if len(addresses) == 0 {
		public, err := mirror.ParseAddress(distribution.DefaultConfig().LatestURL)
		if err != nil {
			return mirror.Client{}, err
		}
		addresses = []mirror.Address{public}
	}
	web, err := mirror.NewHTTP(s.CertificateAuthority, "stepseal (grype "+GrypeVersion()+")")
	return mirror.Client{Addresses: addresses, Verify: s.Key.Verify, HTTP: web, MaxArchive: s.MaxDownload}, err
}

// installedBuild is when the database that is there was built; zero where there is none that could stay: not whole, or
// not vouched for by the key that is demanded, from elsewhere than the addresses that are named, or of the future, which nothing could be newer than.
func (s Source) installedBuild(at installation.Config, now time.Time) time.Time {
	imported, err := readImport(at.DBDirectoryPath())
	if err != nil || imported == "" || s.foreign(at) || s.Key.demanded() && !stampOf(at.DBDirectoryPath()).vouched(s.Key, imported) {
		return time.Time{}
	}
	sum, err := v6.CalculateDBDigest(osFS(), at.DBFilePath())
	if err != nil || sum != imported {
		return time.Time{}
	}
	of, err := v6.ReadDescription(at.DBFilePath())
	if err != nil || of == nil || future(of.Built.Time, now) {
		return time.Time{}
	}
	return of.Built.Time
}

// checkedLately says whether an address was asked a short while ago, and what came of it is still there.
func (s Source) checkedLately(at installation.Config, now time.Time) bool {
	text, err := os.ReadFile(filepath.Join(at.DBDirectoryPath(), checkedFile))
	if err != nil {
		return false
	}
	asked, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil || asked.After(now.Add(time.Minute)) || now.Sub(asked) > checkEvery {
		return false
	}
	imported, err := readImport(at.DBDirectoryPath())
	if err != nil || imported == "" || s.foreign(at) {
		return false
	}
	return !s.Key.demanded() || stampOf(at.DBDirectoryPath()).vouched(s.Key, imported)
}

// foreign says whether what is there came from elsewhere than the addresses that are named: it may lack the advisories
// that they are named for. What was imported has been put there on purpose.
func (s Source) foreign(at installation.Config) bool {
	of := stampOf(at.DBDirectoryPath())
	if _, err := os.Stat(at.DBFilePath()); err != nil || len(s.Mirrors) == 0 || of.From == "" && of.Import != "" {
		return false
	}
	return !slices.ContainsFunc(s.Mirrors, func(a mirror.Address) bool { return a.String() == of.From })
}

func markChecked(dir string, now time.Time) error {
	return os.WriteFile(filepath.Join(dir, checkedFile), []byte(now.UTC().Format(time.RFC3339)), 0o644)
}
