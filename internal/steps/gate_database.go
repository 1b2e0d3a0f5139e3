package steps

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

// database is opened when the first part needs it.
type database struct {
	once sync.Once
	db   *scan.Database
	err  error
}

// openDatabase opens the database once, whichever part is the first to need it.
func (c *chain) openDatabase(ctx context.Context) (*scan.Database, error) {
	c.database.once.Do(func() {
		var source scan.Source
		if source, c.database.err = databaseSource(c.Run); c.database.err != nil {
			return
		}
		source.UpdateAllowed = true
		if source.Path == "" && !source.Offline {
			c.Note("using Grype's advisory database; an update may take a minute")
		}
		c.database.db, c.database.err = scan.Open(ctx, source, databaseLimits(c.Run), c.Now())
		if source.GrypeDir != "" && source.Path == "" {
			c.giveBack(source.GrypeDir)
		}
	})
	return c.database.db, c.database.err
}

// giveBack lets a CI system keep the database that a container, which runs as root, has downloaded into its folder.
func (c *chain) giveBack(folder string) {
	if err := step.GiveBack(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Warn("the database in %s stays root's, and may not be kept for the next run: %s", folder, step.Bare(err))
	}
}

func (c *chain) closeDatabase() {
	if c.database.db != nil {
		c.database.db.Close()
	}
}

// databaseSource is where the inputs say that the database is, with nothing allowed that reaches out.
func databaseSource(r *step.Run) (scan.Source, error) {
	key, err := databaseKey(r)
	return scan.Source{Path: databaseInput.Of(r), CacheDir: cacheDir(r), GrypeDir: r.Getenv("GRYPE_DB_CACHE_DIR"),
		Mirrors: databaseURLInput.Of(r), Offline: offlineInput.Of(r), CertificateAuthority: authorityInput.Of(r).Content,
		MaxDownload: databaseSizeInput.Of(r), Key: key}, err
}

// databaseLimits takes 0, which nobody means as "no data is fresh enough", as no limit.
func databaseLimits(r *step.Run) scan.Limits {
	limits := scan.Limits{MaxAge: math.MaxInt64, MaxProviderAge: providerAgeInput.Of(r)}
	if age := databaseAgeInput.Of(r); age > 0 {
		limits.MaxAge = age
	}
	return limits
}

// cacheDir is where unpacked databases are kept between runs; where that cannot be written, for this run only.
func cacheDir(r *step.Run) string {
	var dir string
	if cache := r.Getenv("XDG_CACHE_HOME"); cache != "" {
		dir = filepath.Join(cache, "stepseal")
	} else if home := r.Getenv("HOME"); home != "" {
		dir = filepath.Join(home, ".cache", "stepseal")
	}
	// SQLite takes the path as a URI, in which these would mean something else.
	if dir == "" || strings.ContainsAny(dir, "?#%") || !writable(dir) {
		return filepath.Join(r.Scratch, "cache")
	}
	return dir
}

func writable(dir string) bool {
	if step.MakeFolder(dir) != nil {
		return false
	}
	probe, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return false
	}
	probe.Close()
	return os.Remove(probe.Name()) == nil
}
