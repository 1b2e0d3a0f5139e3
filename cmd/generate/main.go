// Command generate writes the files that are made from the steps' declarations. With -check it writes nothing, names
// what differs, and fails. With -pin NAME:TAG@sha256:... it pins the definitions to that image, as a release does.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"

	"github.com/stepseal/stepseal/internal/demo"
	"github.com/stepseal/stepseal/internal/manifest"
	"github.com/stepseal/stepseal/internal/pin"
	"github.com/stepseal/stepseal/internal/render"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

func main() {
	check := flag.Bool("check", false, "only compare")
	root := flag.String("root", ".", "the repository")
	image := flag.String("pin", "", "the released image, name:tag@sha256:...")
	flag.Parse()
	if err := run(*root, *image, *check); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(root, image string, check bool) error {
	of, err := pinned(root, image, check)
	if err != nil {
		return err
	}
	files, err := manifest.Files(slices.Concat(steps.All(), steps.Tools(), []*step.Spec{render.Spec(nil), demo.Spec()}), of)
	if err != nil {
		return err
	}
	if !check {
		return manifest.Write(root, files)
	}
	drift, err := manifest.Drift(root, files)
	for _, line := range drift {
		fmt.Fprintln(os.Stderr, line)
	}
	if err == nil && len(drift) > 0 {
		err = fmt.Errorf("%d files differ from what the declarations say: run go generate", len(drift))
	}
	return err
}

// pinned is the image that the repository's pin file names; a new one is written there first.
func pinned(root, image string, check bool) (pin.Image, error) {
	if image == "" || check {
		return pin.Read(root)
	}
	of, err := pin.Parse(image)
	if err != nil {
		return pin.Image{}, err
	}
	of.Released = true
	return of, pin.Write(root, of)
}
