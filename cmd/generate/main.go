// Command generate writes the files that are made from the steps' declarations. With -check it writes nothing, names
// what differs, and fails.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"

	"github.com/stepseal/stepseal/internal/demo"
	"github.com/stepseal/stepseal/internal/manifest"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

func main() {
	check := flag.Bool("check", false, "only compare")
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	files, err := manifest.Files(slices.Concat(steps.All(), steps.Tools(), []*step.Spec{demo.Spec()}))
	if err != nil || !check {
		if err == nil {
			err = manifest.Write(root, files)
		}
		return err
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
