package steps

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on the files of the repository that findings may point into.
const (
	maxSourceBytes = 16 << 20 // of one file that is read
	maxSourcesHeld = 64 << 20 // of all that are kept; what does not fit is read again
)

// checkout is the repository whose files findings point into. What it has read and found it keeps: every report asks
// for every finding, and there may be thousands of them in a lock file of megabytes.
type checkout struct {
	files fs.FS
	texts map[string][]byte
	held  int
	lines map[[2]string]int // by file and name; 0 where it does not stand there
	bases map[string]int
}

func newCheckout(files fs.FS) *checkout {
	return &checkout{files: files, texts: map[string][]byte{}, lines: map[[2]string]int{}, bases: map[string]int{}}
}

// line is the first line, from 1, on which the name stands as a whole: ws is neither in news nor in @types/ws. 0 is nowhere.
func (c *checkout) line(file, name string) int {
	key := [2]string{file, name}
	line, known := c.lines[key]
	if !known {
		if text := c.read(file); name != "" && len(text) > 0 {
			if at := indexName(text, name); at >= 0 {
				line = 1 + bytes.Count(text[:at], []byte("\n"))
			}
		}
		c.lines[key] = line
	}
	return line
}

// base is the line of a Dockerfile that names what the image is built on: of several stages the last is the image.
func (c *checkout) base(file string) (line int) {
	if line, known := c.bases[file]; known {
		return line
	}
	lines := bufio.NewScanner(bytes.NewReader(c.read(file)))
	lines.Buffer(nil, maxSourceBytes)
	for n := 1; lines.Scan(); n++ {
		if words := bytes.Fields(lines.Bytes()); len(words) > 1 && strings.EqualFold(string(words[0]), "FROM") {
			line = n
		}
	}
	c.bases[file] = line
	return line
}

// read is the file's beginning; nothing of what cannot be read.
func (c *checkout) read(file string) []byte {
	if text, known := c.texts[file]; known {
		return text
	}
	var text []byte
	if open, err := c.files.Open(file); err == nil {
		text, _ = io.ReadAll(io.LimitReader(open, maxSourceBytes))
		open.Close()
	}
	if c.held+len(text) <= maxSourcesHeld {
		c.texts[file] = text
		c.held += len(text)
	}
	return text
}

func indexName(text []byte, name string) int {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(name))
		if at < 0 {
			return -1
		}
		at += from
		if endsBefore(text[:at]) && beginsAfter(text[at+len(name):]) {
			return at
		}
		from = at + 1
	}
}

// endsBefore says whether a name may begin behind this text: not within another, and not within a scope (@types/ws).
func endsBefore(text []byte) bool {
	last, _ := utf8.DecodeLastRune(text)
	if last == '/' {
		scope := bytes.TrimRightFunc(text[:len(text)-1], inName)
		return !bytes.HasSuffix(scope, []byte("@"))
	}
	return !inName(last) && last != '@'
}

func beginsAfter(text []byte) bool {
	next, _ := utf8.DecodeRune(text)
	return len(text) == 0 || !inName(next) && next != '/'
}

func inName(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r)
}
