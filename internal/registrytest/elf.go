package registrytest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

type section struct {
	name  string
	flags elf.SectionFlag
	body  []byte
}

// executable lays an ELF64 file out: the header, one segment for each section, the sections, their names, their table.
func executable(machine elf.Machine, sections []section) ([]byte, error) {
	const base, headerSize, segmentSize, sectionSize, align = 0x400000, 64, 56, 64, 16
	names := []byte("\x00")
	table := []elf.Section64{{}}
	var segments []elf.Prog64
	var content []byte
	start := roundUp(headerSize+segmentSize*len(sections), align)
	place := func(name string, kind elf.SectionType, flags elf.SectionFlag, body []byte) elf.Section64 {
		content = append(content, make([]byte, roundUp(len(content), align)-len(content))...)
		s := elf.Section64{
			Name: uint32(len(names)), Type: uint32(kind), Flags: uint64(flags), Addralign: align,
			Off: uint64(start + len(content)), Size: uint64(len(body)),
		}
		names = append(append(names, name...), 0)
		content = append(content, body...)
		return s
	}
	for _, one := range sections {
		s := place(one.name, elf.SHT_PROGBITS, one.flags, one.body)
		s.Addr = base + s.Off
		table = append(table, s)
		segments = append(segments, elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(permissions(one.flags)), Align: align,
			Off: s.Off, Vaddr: s.Addr, Paddr: s.Addr, Filesz: s.Size, Memsz: s.Size,
		})
	}
	nameTable := place(".shstrtab", elf.SHT_STRTAB, 0, append(bytes.Clone(names), ".shstrtab\x00"...))
	table = append(table, nameTable)

	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Entry: table[1].Addr,
		Phoff: headerSize, Shoff: uint64(start + len(content)), Ehsize: headerSize,
		Phentsize: segmentSize, Phnum: uint16(len(segments)),
		Shentsize: sectionSize, Shnum: uint16(len(table)), Shstrndx: uint16(len(table) - 1),
	}
	return encoded(start, header, segments, content, table)
}

// encoded writes the parts one after the other; the contents begin at start.
func encoded(start int, header elf.Header64, segments []elf.Prog64, content []byte, table []elf.Section64) ([]byte, error) {
	var out bytes.Buffer
	for _, part := range []any{header, segments} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			return nil, err
		}
	}
	out.Write(make([]byte, start-out.Len()))
	out.Write(content)
	err := binary.Write(&out, binary.LittleEndian, table)
	return out.Bytes(), err
}

func permissions(flags elf.SectionFlag) elf.ProgFlag {
	out := elf.PF_R
	if flags&elf.SHF_WRITE != 0 {
		out |= elf.PF_W
	}
	if flags&elf.SHF_EXECINSTR != 0 {
		out |= elf.PF_X
	}
	return out
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
