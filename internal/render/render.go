// Package render writes the definitions of all hosts with another image than the released one: for mirrors, for networks
// without a way out, and for forks.
package render

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/pin"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	imageInput = step.Parsed(step.Declaration{Name: "image", Placeholder: "REF", Required: true,
		Usage: "the image that the definitions are to run: registry/name:tag@sha256:..."}, pin.Parse)
	toInput = step.Text(step.Declaration{Name: "to", Placeholder: "DIR", Required: true,
		Usage: "where to write what is made: database build an archive (.tar.gz or .tar.zst) or a folder, render a folder"})
	quietInput  = step.Switch(step.Declaration{Name: "quiet", Usage: "say only how it ended"})
	formatInput = step.Text(step.Declaration{Name: "log-format", Placeholder: "FORMAT", Choices: []string{"text", "json"}, Default: "text",
		Usage: "how to speak on standard error"})
)

// Spec is the command; definitions hold the generated files and the pin file at their paths in the repository.
func Spec(definitions fs.FS) *step.Spec {
	return &step.Spec{
		Name:    "render",
		Summary: "Write the GitHub Actions, Tekton Tasks and catalog with another image reference",
		Prose: `Writes action.yml, actions, tasks and catalog below the folder, each with the given image in the place of the released one, and nothing else changed: for a mirror of the image, a network without a way out, or a fork. The image goes by digest, so that what runs is what was mirrored.

Commit the folder to a repository of your own and use its actions, or apply its Tasks.`,
		Examples: []step.Example{
			{Text: "for a mirror", Command: "stepseal render --image registry.example.com/mirror/stepseal:v0.1.0@sha256:9f2c5b8e6a7d4c3b2a1f0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b --to stepseal-definitions"},
		},
		Inputs: []step.Input{imageInput, toInput, quietInput, formatInput},
		Run: func(ctx context.Context, r *step.Run) error {
			return render(ctx, r, definitions)
		},
	}
}

func render(ctx context.Context, r *step.Run, definitions fs.FS) error {
	released, err := pin.From(definitions)
	if err != nil {
		return fmt.Errorf("the pin file: %w", err)
	}
	files, err := Files(definitions, released, imageInput.Of(r))
	if err != nil {
		return err
	}
	for name, content := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.WriteFile(filepath.Join(toInput.Of(r), filepath.FromSlash(name)), content); err != nil {
			return err
		}
	}
	r.Note("wrote %d files below %s, which run %s", len(files), toInput.Of(r), imageInput.Of(r))
	return nil
}

// Files are the definitions, by their paths, with one image in the place of another. A file that must name the image and
// does not is an error: it would run something else.
func Files(definitions fs.FS, from, to pin.Image) (map[string][]byte, error) {
	files := map[string][]byte{}
	named := 0
	err := fs.WalkDir(definitions, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == pin.File {
			return err
		}
		raw, err := fs.ReadFile(definitions, name)
		if err != nil {
			return err
		}
		if bytes.Contains(raw, []byte(from.String())) {
			named++
		} else if path.Base(name) == "action.yml" {
			return outcome.New(outcome.Unexpected, "%s does not name %s", name, from)
		}
		files[name] = bytes.ReplaceAll(raw, []byte(from.String()), []byte(to.String()))
		return nil
	})
	if err == nil && named == 0 {
		err = outcome.New(outcome.Unexpected, "no definition names %s", from)
	}
	return files, err
}
