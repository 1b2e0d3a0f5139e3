package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/vulnerability"

	"github.com/stepseal/stepseal/internal/mirror"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Source says where the advisory database is.
type Source struct {
	// Path is an archive (.tar.gz, .tar.zst), a vulnerability.db, or a folder holding one. With it, no network is used.
	Path string
	// CacheDir is where archives are unpacked, once each.
	CacheDir string

	// Without a Path, it is the database that the grype CLI uses, in GrypeDir (empty: where the CLI keeps it), kept up to
	// date from the first of Mirrors that answers (none: the CLI's own) if UpdateAllowed and not Offline.
	GrypeDir             string
	Mirrors              []mirror.Address
	UpdateAllowed        bool
	Offline              bool
	CertificateAuthority []byte // PEM: who may vouch for Mirrors, besides the system's
	MaxDownload          int64  // bytes of an archive; 0 is 4 GiB

	// Key is who must have signed for the database, wherever it comes from.
	Key Key
}

// Limits say how old the data may be.
type Limits struct {
	// MaxAge is counted from the older of the build date and the newest date of any provider's data: a database built
	// today from last year's data is a year old. Zero is 120 hours.
	MaxAge time.Duration
	// MaxProviderAge is for one provider's data each, by its name. A provider that the database lacks is over it.
	MaxProviderAge map[string]time.Duration
}

func (l Limits) maxAge() time.Duration { return cmp.Or(l.MaxAge, 120*time.Hour) }

// Database is an open advisory database. It is safe to share between goroutines until it is closed.
type Database struct {
	info     Info
	now      time.Time
	reader   *reader
	provider vulnerability.Provider
	holds    holdings
	names    *names
	hold     *lock
}

// Info identifies a database.
type Info struct {
	// SHA256 is of vulnerability.db as it was given. An archive or file of grype's publisher is given without indexes, and
	// its digest is the same on every machine; the folder that the grype CLI keeps, and what Build writes, have them in the
	// file, so that grype's folder has another digest than the archive it was downloaded as.
	SHA256    string     `json:"sha256"`
	Built     time.Time  `json:"built"`
	Schema    string     `json:"schema"`
	Providers []Provider `json:"providers"` // by name
	Notes     []string   `json:"-"`         // for people: an update that failed, providers that lag behind
}

// Provider is one source of the data.
type Provider struct {
	Name     string    `json:"name"`
	Captured time.Time `json:"captured"`
}

// Newest is the newest date of any provider's data.
func (i Info) Newest() time.Time {
	var newest time.Time
	for _, p := range i.Providers {
		if p.Captured.After(newest) {
			newest = p.Captured
		}
	}
	return newest
}

// Date is what the age counts from: the older of the build date and the newest data date.
func (i Info) Date() time.Time {
	if newest := i.Newest(); newest.Before(i.Built) {
		return newest
	}
	return i.Built
}

// Laggards are the providers whose data is older than that.
func (i Info) Laggards(now time.Time, than time.Duration) []Provider {
	var late []Provider
	for _, p := range i.Providers {
		if now.Sub(p.Captured) > than {
			late = append(late, p)
		}
	}
	return late
}

// Open finds the database, checks that it is whole and fresh enough on the day now, and opens it. A database that is
// missing, damaged, stale or out of reach is an error of that reason: all of them leave the scan undecided.
func Open(ctx context.Context, src Source, limits Limits, now time.Time) (*Database, error) {
	db, err := openAnyAge(ctx, src, now)
	if err != nil {
		return nil, err
	}
	if err := db.info.Fresh(limits, now); err != nil {
		_ = db.Close()
		return nil, err
	}
	for _, p := range db.info.Laggards(now, limits.maxAge()) {
		db.info.Notes = append(db.info.Notes, fmt.Sprintf("the data of %s is %s", p.Name, age(now, p.Captured)))
	}
	return db, nil
}

// Status tells what a database is, however old.
func Status(ctx context.Context, src Source, now time.Time) (Info, error) {
	db, err := openAnyAge(ctx, src, now)
	if err != nil {
		return Info{}, err
	}
	return db.info, db.Close()
}

func openAnyAge(ctx context.Context, src Source, now time.Time) (*Database, error) {
	at, err := src.locate(ctx, now)
	if err != nil {
		return nil, err
	}
	db, err := openLocated(at, now)
	if err != nil {
		_ = at.hold.release()
		return nil, err
	}
	return db, nil
}

func openLocated(at located, now time.Time) (*Database, error) {
	reader, err := openReader(at.dir)
	if err != nil {
		return nil, damaged(at.name).Because(err)
	}
	db := &Database{now: now, reader: reader, hold: at.hold, info: Info{SHA256: at.sha256, Notes: at.notes}}
	if err := db.describe(); err != nil {
		_ = reader.Close()
		return nil, damaged(at.name).Because(err)
	}
	if db.holds, err = readHoldings(at.dir); err != nil {
		_ = reader.Close()
		return nil, damaged(at.name).Because(err)
	}
	if db.names, err = openNames(at.dir); err != nil {
		_ = reader.Close()
		return nil, damaged(at.name).Because(err)
	}
	db.provider = v6.NewVulnerabilityProvider(reader)
	return db, nil
}

func damaged(name string) *outcome.Error {
	return outcome.New(outcome.DatabaseDamaged, "the database %s cannot be used", name)
}

func (db *Database) describe() error {
	meta, err := db.reader.GetDBMetadata()
	if err != nil {
		return err
	}
	if meta.BuildTimestamp == nil {
		return fmt.Errorf("it does not say when it was built")
	}
	db.info.Built = meta.BuildTimestamp.UTC().Truncate(time.Second)
	db.info.Schema = fmt.Sprintf("%d.%d.%d", meta.Model, meta.Revision, meta.Addition)
	providers, err := db.reader.AllProviders()
	if err != nil {
		return err
	}
	for _, p := range providers {
		provider := Provider{Name: p.ID}
		if p.DateCaptured != nil {
			provider.Captured = p.DateCaptured.UTC().Truncate(time.Second)
		}
		db.info.Providers = append(db.info.Providers, provider)
	}
	slices.SortFunc(db.info.Providers, func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
	if len(providers) == 0 {
		return fmt.Errorf("it holds no provider's data")
	}
	return nil
}

// clockSkew is how far a date may lie in the future before it is not believed.
const clockSkew = 24 * time.Hour

// Fresh reports data that is older than the limits allow, or of the future.
func (i Info) Fresh(limits Limits, now time.Time) error {
	if err := i.believable(now); err != nil {
		return err
	}
	date := i.Date()
	if now.Sub(date) > limits.maxAge() {
		return outcome.New(outcome.DatabaseStale, "vulnerability data is %s, at most %s are allowed", age(now, date), span(limits.maxAge())).
			With(i.dates()...)
	}
	return i.freshProviders(limits, now)
}

// believable reports a date of the future: it would never be too old, and would hide that everything else is.
func (i Info) believable(now time.Time) error {
	claim := ""
	if future(i.Built, now) {
		claim = "the database claims to be built on " + i.Built.Format(time.DateOnly)
	}
	for _, p := range i.Providers {
		if future(p.Captured, now) {
			claim = fmt.Sprintf("the data of %s claims to be of %s", p.Name, p.Captured.Format(time.DateOnly))
		}
	}
	if claim == "" {
		return nil
	}
	return outcome.New(outcome.DatabaseDamaged, "%s, which is in the future", claim).With(i.dates()...).
		Hint("check the clock of this machine, and the dates in the advisories if you have built the database yourself")
}

func future(date, now time.Time) bool { return date.Sub(now) > clockSkew }

// freshProviders reports the providers whose data is older than the limits for them.
func (i Info) freshProviders(limits Limits, now time.Time) error {
	var late []string
	for _, name := range slices.Sorted(maps.Keys(limits.MaxProviderAge)) {
		most := limits.MaxProviderAge[name]
		at := slices.IndexFunc(i.Providers, func(p Provider) bool { return p.Name == name })
		switch {
		case at < 0:
			late = append(late, fmt.Sprintf("the database holds no data of %s", name))
		case now.Sub(i.Providers[at].Captured) > most:
			late = append(late, fmt.Sprintf("the data of %s is %s, at most %s are allowed", name, age(now, i.Providers[at].Captured), span(most)))
		}
	}
	if len(late) == 0 {
		return nil
	}
	return outcome.New(outcome.DatabaseStale, "%s", strings.Join(late, "; ")).With(i.dates()...).
		Hint("update the database, or allow the age with --max-provider-age")
}

// dates are one line for the build and one for each provider.
func (i Info) dates() []string {
	lines := []string{"built " + i.Built.Format(time.DateOnly)}
	for _, p := range i.Providers {
		lines = append(lines, fmt.Sprintf("%s %s", p.Name, p.Captured.Format(time.DateOnly)))
	}
	return lines
}

func age(now, date time.Time) string {
	if date.IsZero() {
		return "of unknown age"
	}
	return span(now.Sub(date)) + " old"
}

func span(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// Info identifies the database.
func (db *Database) Info() Info { return db.info }

// Close releases the file.
func (db *Database) Close() error {
	return errors.Join(db.names.Close(), db.reader.Close(), db.hold.release())
}
