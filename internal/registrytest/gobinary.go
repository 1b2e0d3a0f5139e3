package registrytest

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime/debug"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// DefaultGoVersion is a Go release without a known advisory.
const DefaultGoVersion = "go1.26.8"

// DefaultGoModules are real modules in versions without a known advisory.
// golang.org/x/text v0.3.7 has CVE-2022-32149.
func DefaultGoModules() []Package {
	return []Package{
		{Name: "github.com/google/uuid", Version: "v1.6.0"},
		{Name: "github.com/gorilla/mux", Version: "v1.8.1"},
		{Name: "github.com/spf13/pflag", Version: "v1.0.10"},
		{Name: "golang.org/x/text", Version: "v0.42.0"},
		{Name: "gopkg.in/yaml.v3", Version: "v3.0.1"},
	}
}

const pointerSize = 8

// shopBinary is an ELF file with the build information of a Go program and nothing that could run.
func shopBinary(opt AppOptions, platform *v1.Platform) ([]byte, error) {
	machine, known := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "riscv64": elf.EM_RISCV}[platform.Architecture]
	if !known {
		return nil, fmt.Errorf("no Go binary for %s: amd64, arm64 and riscv64 only", platform)
	}
	version := opt.GoVersion
	if version == "" {
		version = DefaultGoVersion
	}
	built := &debug.BuildInfo{
		Path: "example.com/shop/cmd/shopd",
		Main: debug.Module{Path: "example.com/shop", Version: "v" + opt.Version},
		Settings: []debug.BuildSetting{
			{Key: "-compiler", Value: "gc"}, {Key: "CGO_ENABLED", Value: "0"},
			{Key: "GOARCH", Value: platform.Architecture}, {Key: "GOOS", Value: platform.OS},
		},
	}
	for _, one := range replaced(DefaultGoModules(), opt.GoModules) {
		built.Deps = append(built.Deps, &debug.Module{Path: one.Name, Version: one.Version})
	}
	return executable(machine, []section{
		{name: ".text", flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, body: make([]byte, 16)},
		{name: ".note.go.buildid", flags: elf.SHF_ALLOC, body: make([]byte, 16)},
		{name: ".gopclntab", flags: elf.SHF_ALLOC, body: functionTable(append([]string{"main.main"}, opt.GoSymbols...))},
		{name: ".go.buildinfo", flags: elf.SHF_ALLOC | elf.SHF_WRITE, body: buildInfo(version, built.String())},
	})
}

// buildInfo is what the linker leaves for debug/buildinfo: a header of 32 bytes, then two strings with their lengths.
// https://go.dev/src/debug/buildinfo/buildinfo.go
func buildInfo(version, modules string) []byte {
	const inlineStrings = 2
	out := make([]byte, 32)
	copy(out, "\xff Go buildinf:")
	out[14], out[15] = pointerSize, inlineStrings
	for _, text := range []string{version, framed(modules)} {
		out = binary.AppendUvarint(out, uint64(len(text)))
		out = append(out, text...)
	}
	return out
}

// framed puts the module information between the marks by which it is found in memory.
// https://go.dev/src/cmd/go/internal/modload/build.go
func framed(modules string) string {
	start, _ := hex.DecodeString("3077af0c9274080241e1c107e6d618e6") // constants
	end, _ := hex.DecodeString("f932433186182072008242104116d8f2")
	return string(start) + modules + string(end)
}

// functionTable is a table of program counters without a single one, but with the names that the linker keeps even of
// functions that were inlined. That is the layout since Go 1.20.
// https://go.dev/src/debug/gosym/pclntab.go
func functionTable(names []string) []byte {
	const magic, quantum, headerSize = 0xfffffff1, 1, 8 + 8*pointerSize
	var text []byte
	for _, one := range names {
		text = append(append(text, one...), 0)
	}
	end := uint64(headerSize + len(text))

	out := binary.LittleEndian.AppendUint32(nil, magic)
	out = append(out, 0, 0, quantum, pointerSize)
	functions, files, textStart := uint64(0), uint64(0), uint64(0)
	for _, word := range []uint64{functions, files, textStart, headerSize, end, end, end, end} {
		out = binary.LittleEndian.AppendUint64(out, word)
	}
	out = append(out, text...)
	return binary.LittleEndian.AppendUint32(out, 0) // where the last function would end
}
