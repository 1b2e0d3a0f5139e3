package registrytest_test

import (
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/json"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/registrytest"
)

func TestARustBinaryListsItsCrates(t *testing.T) {
	binary := must[[]byte](t)(registrytest.RustBinary(
		[]registrytest.Package{{Name: "shop", Version: "1.0.0"}, {Name: "h2", Version: "0.4.2"}},
		[]registrytest.Package{{Name: "cc", Version: "1.0.79"}}))
	program := must[*elf.File](t)(elf.NewFile(bytes.NewReader(binary)))
	list := program.Section(".dep-v0")
	if list == nil {
		t.Fatal("no section .dep-v0")
	}
	unpacked := must[io.ReadCloser](t)(zlib.NewReader(list.Open()))
	type crate struct {
		Name, Version, Kind string
		Dependencies        []int
		Root                bool
	}
	var got struct{ Packages []crate }
	if err := json.NewDecoder(unpacked).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := []crate{
		{Name: "shop", Version: "1.0.0", Dependencies: []int{1, 2}, Root: true},
		{Name: "h2", Version: "0.4.2"},
		{Name: "cc", Version: "1.0.79", Kind: "build"},
	}
	if diff := cmp.Diff(want, got.Packages); diff != "" {
		t.Error(diff)
	}
}
