package step

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
)

// PEM is a key or a certificate: the content of a file, or handed over itself, as CI systems do with what they keep.
type PEM struct {
	File    string // its name; empty where the content was handed over
	Content []byte
}

// String and GoString stand in for the content wherever it would be printed.
func (p PEM) String() string   { return "[PEM]" }
func (p PEM) GoString() string { return "[PEM]" }

// Given reports whether there is one.
func (p PEM) Given() bool { return p.Content != nil }

// In names the file behind a flag's name, for errors.
func (p PEM) In(flag string) string {
	if p.File == "" {
		return flag
	}
	return flag + " " + p.File
}

// KeyMaterial declares an input that is the path of a PEM file, or what is in it. What cannot be read ends with the
// reason; limit is in bytes. A secret one is never taken from the command line but by its path.
func KeyMaterial(d Declaration, reason outcome.Reason, limit int64) *In[PEM] {
	d.File = true
	return Parsed(d, func(text string) (PEM, error) {
		if isPEM(text) {
			return PEM{Content: []byte(text)}, nil
		}
		content, err := readWhole(text, limit)
		if err != nil {
			// What names no file is not repeated: it may be a part of the content itself.
			return PEM{}, outcome.New(reason, "names no file that can be read").Because(Bare(err)).
				Hint("it takes the path of a file, or in an environment variable what is in it")
		}
		return PEM{File: text, Content: content}, nil
	})
}

// isPEM tells what can be no path: paths hold no dashes and newlines in this form.
func isPEM(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN ") }

func readWhole(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a folder")}
	}
	return readUpTo(file, limit)
}

// lines are the parts of a secret that a log could show by themselves.
func (p PEM) lines() []string {
	var lines []string
	for line := range bytes.Lines(p.Content) {
		lines = append(lines, string(bytes.TrimSpace(line)))
	}
	return lines
}
