package main

import (
	"slices"
	"testing"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/program"
	"github.com/stepseal/stepseal/internal/manifest"
	"github.com/stepseal/stepseal/internal/pin"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	of, err := pin.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	files, err := manifest.Files(program.Specs(), of)
	if err != nil {
		t.Fatal(err)
	}
	drift, err := manifest.Drift("../..", files)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range drift {
		t.Errorf("%s: run go generate ./...", line)
	}
}

func TestDriftIsSeenInBothDirections(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{"docs/man/a.1": []byte("a"), "docs/reasons.md": []byte("r")}
	if err := manifest.Write(dir, files); err != nil {
		t.Fatal(err)
	}
	if drift, err := manifest.Drift(dir, files); err != nil || len(drift) != 0 {
		t.Errorf("fresh: %v %v", drift, err)
	}
	less := map[string][]byte{"docs/reasons.md": []byte("other")}
	drift, err := manifest.Drift(dir, less)
	if want := []string{"docs/man/a.1 is a leftover", "docs/reasons.md is missing or changed"}; err != nil || !slices.Equal(drift, want) {
		t.Errorf("got %v %v", drift, err)
	}
	if err := manifest.Write(dir, less); err != nil {
		t.Fatal(err)
	}
	if drift, err := manifest.Drift(dir, less); err != nil || len(drift) != 0 {
		t.Errorf("after writing: %v %v", drift, err)
	}
}

func TestDeclarationsHoldTogether(t *testing.T) {
	prose := map[string]string{}
	for _, spec := range program.Specs() {
		if err := spec.Check(); err != nil {
			t.Error(err)
		}
		if spec.Summary == "" || spec.Prose == "" || len(spec.Examples) == 0 {
			t.Errorf("%s: no summary, prose or example", spec.Name)
		}
		for _, in := range spec.Inputs {
			d := in.Declaration()
			// An input means the same in every step; image alone says which sources the step takes.
			if said, ok := prose[d.Name]; ok && said != d.Usage && d.Name != "image" && d.Name != "output-directory" {
				t.Errorf("%s: --%s is explained in two ways", spec.Name, d.Name)
			}
			prose[d.Name] = d.Usage
		}
	}
}
