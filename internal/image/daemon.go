package image

import (
	"context"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Daemon has a container engine write an image as `docker save` does. size is what the engine says of the image, for
// the progress. internal/docker is the one that there is; its client would make this package heavy.
type Daemon interface {
	Save(ctx context.Context, name string, platform v1.Platform) (archive io.ReadCloser, size int64, err error)
}

// openDaemon copies what the daemon writes into scratch, bounded in bytes and in the time that nothing comes, and reads
// it as the archive that it is.
func (r *Registry) openDaemon(ctx context.Context, ref Reference, platform v1.Platform, progress Progress) (store, error) {
	if r.daemon == nil {
		return nil, outcome.New(outcome.DaemonUnavailable, "%s: no daemon is known", ref)
	}
	body, size, err := r.daemon.Save(ctx, ref.wanted, platform)
	if err != nil {
		return nil, archiveFault(ref, err)
	}
	defer body.Close()
	limits := r.limits.orDefault()
	bounded := &boundedBody{body: body, limit: limits.UnpackedBytes, stall: limits.Stall, of: "the Docker daemon"}
	copied := int64(0)
	file, err := spool(ctx, bounded, r.scratch, limits, func(n int64) {
		if copied += n; progress != nil {
			progress("", copied, max(size, copied))
		}
	})
	if err != nil {
		return nil, daemonFault(ctx, ref, err)
	}
	defer file.Close()
	alone := ref
	alone.wanted = "" // the archive holds this image alone, and calls it as it pleases
	return openArchive(ctx, alone, file.Name(), r.scratch, limits)
}

// daemonFault is archiveFault for an archive that is still coming: what ends it is the daemon.
func daemonFault(ctx context.Context, ref Reference, err error) error {
	var known *outcome.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &known) && known.Reason == outcome.TooLarge:
		return archiveFault(ref, err)
	}
	return outcome.New(outcome.DaemonUnavailable, "%s: the daemon did not write the whole image", ref).Because(err)
}
