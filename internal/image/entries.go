package image

import "bytes"

const tarBlock = 512

// entries counts the files of a tar that streams by. It goes by the headers' checksums and skips nothing: a size that
// another reader takes otherwise (PAX, base-256, sparse) cannot hide an entry. The files of a tar within the tar count
// too, and what is no tar counts nothing.
type entries struct {
	head [tarBlock]byte
	have int
}

// count is the number of headers that end in p.
func (e *entries) count(p []byte) (found int64) {
	for len(p) > 0 {
		block := p
		if e.have > 0 || len(p) < tarBlock {
			n := copy(e.head[e.have:], p)
			if e.have += n; e.have < tarBlock {
				return found
			}
			e.have, p, block = 0, p[n:], e.head[:]
		} else {
			p = p[tarBlock:]
		}
		if startsFile((*[tarBlock]byte)(block)) {
			found++
		}
	}
	return found
}

// startsFile tells a header by its checksum, as archive/tar does, and leaves out those that only add to the next one.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
func startsFile(block *[tarBlock]byte) bool {
	want, ok := octal(block[148:156])
	if !ok || want == 0 && *block == [tarBlock]byte{} {
		return false
	}
	if kind := block[156]; kind == 'x' || kind == 'L' || kind == 'K' {
		return false
	}
	unsigned, signed := int64(8*' '), int64(8*' ') // the checksum counts as spaces
	for i, c := range block {
		if i < 148 || i >= 156 {
			unsigned += int64(c)
			signed += int64(int8(c))
		}
	}
	return want == unsigned || want == signed
}

func octal(field []byte) (value int64, ok bool) {
	for _, c := range bytes.Trim(field, " \x00") {
		if c == 0 {
			break
		}
		if c < '0' || c > '7' {
			return 0, false
		}
		value = value<<3 | int64(c-'0')
	}
	return value, true
}
