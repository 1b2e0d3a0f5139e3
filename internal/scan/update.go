package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/anchore/clio"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/distribution"
	"github.com/anchore/grype/grype/db/v6/installation"

	"github.com/stepseal/stepseal/internal/outcome"
)

// grypes is the database that the grype CLI uses on this machine, after an update if that is allowed. An update that
// fails is told and no more: whether what is there is fresh enough is judged by its date.
func (s Source) grypes(ctx context.Context, now time.Time) (located, error) {
	at := installation.DefaultConfig(clio.Identification{Name: "grype"})
	at.ValidateAge = false // by our own rule, and by the caller's clock
	if s.GrypeDir != "" {
		at.DBRootDir = s.GrypeDir
	}
	var failed error
	if s.UpdateAllowed {
		if err := safeURL(s.url()); err != nil {
			return located{}, err
		}
		if failed = s.update(ctx, at); ctx.Err() != nil {
			return located{}, ctx.Err()
		}
	}
	if _, err := os.Stat(at.DBFilePath()); errors.Is(err, fs.ErrNotExist) {
		if failed != nil {
			return located{}, outcome.New(outcome.DatabaseUnavailable, "no database from %s", s.url()).Because(failed)
		}
		return located{}, outcome.New(outcome.DatabaseMissing, "there is no database in %s", at.DBDirectoryPath())
	}
	if _, err := os.Stat(filepath.Join(at.DBDirectoryPath(), importFile)); err != nil {
		return located{}, damaged(at.DBDirectoryPath()).Because(err) // grype's own always has its checksum
	}
	here, err := Source{Path: at.DBFilePath(), CacheDir: s.CacheDir}.locate(ctx, now)
	if failed != nil {
		here.notes = append(here.notes, fmt.Sprintf("the database could not be updated from %s: %v", s.url(), failed))
	}
	return here, err
}

func (s Source) url() string {
	if s.URL != "" {
		return s.URL
	}
	return distribution.DefaultConfig().LatestURL
}

// safeURL refuses what anybody on the way could change: the checksum of the data comes from the same place. It also
// refuses all that grype's downloader takes besides web addresses; some of it runs programs.
func safeURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return outcome.New(outcome.InvalidInput, "the database URL %.200q cannot be read", text).Hint("use https")
	}
	host := u.Hostname()
	ip, _ := netip.ParseAddr(host)
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (host == "localhost" || ip.Unmap().IsLoopback()):
		return nil
	}
	return outcome.New(outcome.InvalidInput, "the database URL %.200q is not https", u.Redacted()).Hint("use https")
}

// update does not wait for grype when the run is interrupted: its downloads know no context.
func (s Source) update(ctx context.Context, at installation.Config) error {
	from := distribution.DefaultConfig()
	from.ID = clio.Identification{Name: "stepseal", Version: GrypeVersion()}
	from.LatestURL = s.url()
	from.CACert = s.CertificateAuthority
	from.RequireUpdateCheck = true
	client, err := distribution.NewClient(from)
	if err != nil {
		return err
	}
	curator, err := installation.NewCurator(at, client)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func(c v6.Curator) {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("update: %v", p)
			}
		}()
		_, err := c.Update()
		done <- err
	}(curator)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
