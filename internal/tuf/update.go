package tuf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

// maxRotations is how many roots may follow one another; the public Sigstore makes a few a year.
const maxRotations = 64

// update fetches what is new. What was kept is laid out for go-tuf to see how far the repository was when it was last
// seen, so that nobody can take it back behind that.
func (r Repository) update(ctx context.Context, opt Options, held documents) (Published, error) {
	seen, err := os.MkdirTemp(opt.Scratch, "tuf-")
	if err != nil {
		return Published{}, err
	}
	defer os.RemoveAll(seen)
	if err := held.layOut(seen); err != nil {
		return Published{}, err
	}
	network := &network{ctx: ctx, transport: opt.Transport, agent: opt.UserAgent, mirror: r.Mirror, got: documents{}}
	if _, err := r.run(network, seen, opt.Now); err != nil {
		return Published{}, network.blame(err)
	}
	// Read again from memory alone: that is what a later run without the network will have, and it leaves out the rest.
	now := documents{}
	maps.Copy(now, held)
	maps.Copy(now, network.got)
	published, read, err := r.read(now, none(opt.Scratch), opt.Now)
	if err == nil {
		opt.keep(r, read)
	}
	return published, err
}

// read takes what is in memory for the repository, and says what of it was needed.
func (r Repository) read(from documents, seen string, now time.Time) (Published, documents, error) {
	memory := &memory{mirror: r.Mirror, from: from, read: documents{}}
	published, err := r.run(memory, seen, now)
	return published, memory.read, err
}

// run is go-tuf's workflow. Nothing is written: with its cache switched off it still reads from the folder.
func (r Repository) run(from fetcher.Fetcher, seen string, now time.Time) (Published, error) {
	cfg, err := config.New(r.Mirror, r.Root)
	if err != nil {
		return Published{}, err
	}
	cfg.Fetcher, cfg.LocalMetadataDir, cfg.DisableLocalCache, cfg.MaxRootRotations = from, seen, true, maxRotations
	up, err := updater.New(cfg)
	if err != nil {
		return Published{}, err
	}
	up.UnsafeSetRefTime(now) // go-tuf calls it so because a clock that is wrong takes what has expired; this is the run's
	if err := up.Refresh(); err != nil {
		return Published{}, err
	}
	var published Published
	// The top level alone: delegations are for others than the Sigstore itself.
	targets := up.GetTopLevelTargets()
	root, ok := targets[trustedRootTarget]
	if !ok {
		return Published{}, fmt.Errorf("it has no %s", trustedRootTarget)
	}
	if published.TrustedRoot, err = target(up, root); err != nil {
		return Published{}, err
	}
	if services, ok := targets[signingConfigTarget]; ok {
		published.SigningConfig, err = target(up, services)
	}
	return published, err
}

func target(up *updater.Updater, of *metadata.TargetFiles) ([]byte, error) {
	if of.Length <= 0 || of.Length > maxDocument || len(of.Hashes) == 0 {
		return nil, fmt.Errorf("%.80q has %d bytes and %d hashes, and a target has a hash and at most %d KiB", of.Path, of.Length, len(of.Hashes), maxDocument>>10)
	}
	_, content, err := up.DownloadTarget(of, "not written", "")
	return content, err
}

// layOut writes the three documents that say how far the repository was. go-tuf passes over one that is not signed, and
// would end at one that is no such document.
func (d documents) layOut(folder string) error {
	var errs []error
	for name, content := range d {
		for role, is := range seenRoles() {
			if file := role + ".json"; (name == file || isVersionOf(name, file)) && is(content) {
				errs = append(errs, os.WriteFile(filepath.Join(folder, file), content, 0o600))
			}
		}
	}
	return errors.Join(errs...)
}

func seenRoles() map[string]func([]byte) bool {
	return map[string]func([]byte) bool{
		metadata.TIMESTAMP: isRole(metadata.Timestamp),
		metadata.SNAPSHOT:  isRole(metadata.Snapshot),
		metadata.TARGETS:   isRole(metadata.Targets),
	}
}

func isRole[T metadata.Roles](form func(...time.Time) *metadata.Metadata[T]) func([]byte) bool {
	return func(content []byte) bool {
		_, err := form().FromBytes(content)
		return err == nil
	}
}

func isVersionOf(name, file string) bool {
	version, ok := strings.CutSuffix(name, "."+file)
	return ok && version != "" && strings.Trim(version, "0123456789") == ""
}

// none is a folder with nothing in it. go-tuf would read from the working directory if it were given none.
func none(scratch string) string { return filepath.Join(scratch, "no-tuf-cache") }
