package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	grypedb "github.com/anchore/grype/grype/db"
	"github.com/anchore/grype/grype/db/provider"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/distribution"
	"github.com/spf13/afero"

	"github.com/stepseal/stepseal/internal/advisory"
	"github.com/stepseal/stepseal/internal/outcome"
)

// BuildOptions say what a database is built from.
type BuildOptions struct {
	Inputs []string // files and folders of advisories
	FS     fs.FS    // more of them; may be nil
	Bounds advisory.Bounds

	// Output is an archive if it ends in .tar.gz or .tar.zst: the kind that grype db import takes. A latest.json that
	// names it, for a web server, is written beside it and replaces the one that is there; a latest.json of another kind
	// is an error. Anything else is a folder, which is also one that the grype CLI can be pointed at (GRYPE_DB_CACHE_DIR).
	Output  string
	WorkDir string    // for what is needed on the way; must exist
	Built   time.Time // the build date to write down

	// Sign makes a detached signature over latest.json, which is written beside it; nil leaves it unsigned.
	Sign func(document []byte) ([]byte, error)
}

// BuildReport says what came out.
type BuildReport struct {
	Output   string // as asked for
	SHA256   string // of the archive; of the database file for a folder
	Size     int64  // of the same
	Database Info
	Summary  advisory.Summary
}

// Build makes a database out of advisories. The output appears whole or not at all.
func Build(ctx context.Context, opt BuildOptions) (BuildReport, error) {
	if err := opt.check(); err != nil {
		return BuildReport{}, err
	}
	set, err := opt.read(ctx)
	if err != nil {
		return BuildReport{}, err
	}
	work, err := os.MkdirTemp(opt.WorkDir, "database-*")
	if err != nil {
		return BuildReport{}, outcome.New(outcome.Unexpected, "no place to build the database in").Because(err)
	}
	defer os.RemoveAll(work)
	if !uriSafe(work) {
		return BuildReport{}, outcome.New(outcome.Unexpected, "the folder %s has a name with ?, # or %% in it", work)
	}
	dir := filepath.Join(work, "6")
	if err := build(ctx, set, filepath.Join(work, "workspaces"), dir, opt.Built); err != nil {
		if ctx.Err() != nil {
			return BuildReport{}, ctx.Err()
		}
		return BuildReport{}, outcome.New(outcome.Unexpected, "the database could not be built").Because(err)
	}
	report := BuildReport{Output: opt.Output, Summary: set.Summary}
	if report.Database, err = Status(ctx, Source{Path: dir, CacheDir: work}, opt.Built); err != nil {
		return BuildReport{}, err
	}
	if err := report.publish(ctx, opt, dir); err != nil {
		if ctx.Err() != nil {
			return BuildReport{}, ctx.Err()
		}
		var known *outcome.Error
		if errors.As(err, &known) {
			return BuildReport{}, known
		}
		return BuildReport{}, outcome.New(outcome.OutputUnwritable, "%s cannot be written", opt.Output).Because(err)
	}
	return report, nil
}

func (opt BuildOptions) check() error {
	switch {
	case opt.Output == "":
		return outcome.New(outcome.InvalidInput, "no output was named for the database")
	case archiveKind(opt.Output) == notDatabase && (slices.Contains(otherKinds, filepath.Ext(opt.Output)) || isOther(opt.Output)):
		return outcome.New(outcome.InvalidInput, "the output %s is neither a folder nor a .tar.gz or .tar.zst archive", opt.Output)
	case len(opt.Inputs) == 0 && opt.FS == nil:
		return outcome.New(outcome.InvalidInput, "no advisories were named to build a database from")
	case opt.Sign != nil && archiveKind(opt.Output) == notDatabase:
		return outcome.New(outcome.InvalidInput, "the folder %s has no latest.json to sign", opt.Output).Hint("name an archive, .tar.gz or .tar.zst, as the output")
	}
	if archiveKind(opt.Output) != notDatabase {
		return replaceable(filepath.Join(filepath.Dir(opt.Output), distribution.LatestFileName))
	}
	entries, err := os.ReadDir(opt.Output)
	if err != nil || len(entries) == 0 {
		return nil // what cannot be read cannot be written either: that is told then
	}
	if _, err := os.Stat(filepath.Join(opt.Output, "6", databaseFile)); err != nil {
		return outcome.New(outcome.InvalidInput, "the output folder %s holds other things than a database", opt.Output)
	}
	return nil
}

// replaceable refuses to overwrite a latest.json that names no database: the name is a common one.
func replaceable(latest string) error {
	info, err := os.Lstat(latest)
	if err != nil {
		return nil // what cannot be looked at cannot be written either: that is told then
	}
	var named struct {
		SchemaVersion  json.RawMessage `json:"schemaVersion"`
		Path, Checksum string
	}
	refused := outcome.New(outcome.InvalidInput, "%s is in the way: it describes no database, and the archive's own description is written there", latest).
		Hint("choose another folder for the archive")
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return refused
	}
	doc, err := os.ReadFile(latest)
	if err != nil || json.Unmarshal(doc, &named) != nil || named.SchemaVersion == nil || named.Path == "" || named.Checksum == "" {
		return refused
	}
	return nil
}

// otherKinds are endings of files that somebody may take for an output; none of them is a folder's.
var otherKinds = []string{".db", ".zip", ".tar", ".gz", ".tgz", ".zst", ".xz", ".json"}

// isOther reports whether something that is no folder stands there.
func isOther(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func archiveKind(name string) kind {
	switch {
	case strings.HasSuffix(name, ".tar.gz"):
		return gzipArchive
	case strings.HasSuffix(name, ".tar.zst"):
		return zstdArchive
	}
	return notDatabase
}

func (opt BuildOptions) read(ctx context.Context) (advisory.Set, error) {
	reader := advisory.Reader{Bounds: opt.Bounds}
	for _, input := range opt.Inputs {
		if err := reader.Path(ctx, input); err != nil {
			return advisory.Set{}, err
		}
	}
	if opt.FS != nil {
		if err := reader.FS(ctx, opt.FS, "advisories"); err != nil {
			return advisory.Set{}, err
		}
	}
	return reader.Set()
}

// build writes the set as workspaces and lets grype make the database of them.
func build(ctx context.Context, set advisory.Set, workspaces, dir string, built time.Time) error {
	var states provider.States
	for _, p := range sources(set.Providers) {
		if err := ctx.Err(); err != nil {
			return err
		}
		state, err := writeWorkspace(workspaces, p)
		if err != nil {
			return err
		}
		states = append(states, *state)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config := grypedb.BuildConfig{
		SchemaVersion: v6.ModelVersion, Directory: dir, States: states, IncludeCPEParts: []string{"a", "h", "o"},
	}
	if err := interruptibly(ctx, func() error { return grypedb.Build(config) }); err != nil {
		return err
	}
	return finish(dir, built)
}

// interruptibly does not wait for a library that knows no context when the run is interrupted.
func interruptibly(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("grype: %v", p)
			}
		}()
		done <- work()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finish adds the indexes, and the build date: grype takes the clock's.
func finish(dir string, built time.Time) error {
	db, err := v6.NewLowLevelDB(v6.Config{DBDirPath: dir}.DBFilePath(), false, true, false)
	if err != nil {
		return err
	}
	if !built.IsZero() {
		err = db.Exec("UPDATE db_metadata SET build_timestamp = ?", built.UTC().Truncate(time.Second)).Error
	}
	connection, connectionErr := db.DB()
	if connectionErr != nil {
		return errors.Join(err, connectionErr)
	}
	if err := errors.Join(err, connection.Close()); err != nil {
		return err
	}
	_, err = v6.WriteImportMetadata(afero.NewOsFs(), dir, "stepseal")
	return err
}

// perFile is how many records go into one file of a workspace: one each costs more than all the rest.
const perFile = 500

// sources puts together what comes from one source, in the order in which they are given.
func sources(providers []advisory.Provider) [][]advisory.Provider {
	var all [][]advisory.Provider
	for _, p := range providers {
		if n := len(all); n > 0 && all[n-1][0].Name == p.Name {
			all[n-1] = append(all[n-1], p)
			continue
		}
		all = append(all, []advisory.Provider{p})
	}
	return all
}

// writeWorkspace writes the records of one source, of one schema or of several.
func writeWorkspace(root string, of []advisory.Provider) (*provider.State, error) {
	p := of[0]
	if err := os.MkdirAll(filepath.Join(root, p.Name, "results"), 0o755); err != nil {
		return nil, err
	}
	var files []provider.File
	for _, kind := range of {
		for chunk := range slices.Chunk(kind.Items, perFile) {
			file, err := writeRecords(filepath.Join(root, p.Name), fmt.Sprintf("results/%06d.json", len(files)), kind.Schema, chunk)
			if err != nil {
				return nil, err
			}
			files = append(files, file)
		}
	}
	w := provider.NewWorkspaceWriter(root, p.Name)
	if err := w.WriteListing(files); err != nil {
		return nil, err
	}
	digest, err := provider.HashFileXXH64(w.ListingPath())
	if err != nil {
		return nil, err
	}
	state := provider.State{
		Provider: p.Name, Version: 1, Processor: "stepseal", Timestamp: p.Captured, Store: "flat-file",
		Schema: provider.Schema{
			Version: "1.0.3",
			URL:     "https://raw.githubusercontent.com/anchore/vunnel/main/schema/provider-workspace-state/schema-1.0.3.json",
		},
		Listing: &provider.File{Path: "results/listing.xxh64", Digest: digest, Algorithm: "xxh64"},
	}
	if err := w.WriteState(state); err != nil {
		return nil, err
	}
	return provider.NewWorkspace(root, p.Name).ReadState() // which knows the list of results; the one above does not
}

func writeRecords(root, path string, schema advisory.Schema, items []json.RawMessage) (provider.File, error) {
	var doc bytes.Buffer
	fmt.Fprintf(&doc, `{"schema":%q,"identifier":%q,"item":[`, schema, path)
	for i, item := range items {
		if i > 0 {
			doc.WriteByte(',')
		}
		doc.Write(item)
	}
	doc.WriteString("]}")
	of := newSums()
	if _, err := of.Write(doc.Bytes()); err != nil {
		return provider.File{}, err
	}
	if err := os.WriteFile(filepath.Join(root, path), doc.Bytes(), 0o600); err != nil {
		return provider.File{}, err
	}
	return provider.File{Path: path, Digest: strings.TrimPrefix(of.xxh64(), "xxh64:"), Algorithm: "xxh64"}, nil
}
