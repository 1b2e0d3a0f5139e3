package registrytest

import (
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/json"
)

// RustBinary is an ELF file with the list of crates that cargo-auditable leaves in a program, and with nothing that could
// run. The first crate is the program itself, and depends on all others; the building crates were used to build it and are
// not part of it.
// https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md
func RustBinary(crates, building []Package) ([]byte, error) {
	list := make([]crate, 0, len(crates)+len(building))
	for n, one := range crates {
		list = append(list, crate{Name: one.Name, Version: one.Version, Source: "crates.io", Root: n == 0})
	}
	for _, one := range building {
		list = append(list, crate{Name: one.Name, Version: one.Version, Source: "crates.io", Kind: "build"})
	}
	for n := range list {
		if n > 0 {
			list[0].Dependencies = append(list[0].Dependencies, n)
		}
	}
	text, err := json.Marshal(map[string][]crate{"packages": list})
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return executable(elf.EM_X86_64, []section{
		{name: ".text", flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, body: make([]byte, 16)},
		{name: ".dep-v0", flags: elf.SHF_ALLOC, body: packed.Bytes()},
	})
}

type crate struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Source       string `json:"source"`
	Kind         string `json:"kind,omitempty"` // empty: part of the program
	Dependencies []int  `json:"dependencies,omitempty"`
	Root         bool   `json:"root,omitempty"`
}
