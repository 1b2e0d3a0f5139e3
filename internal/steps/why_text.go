package steps

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

// Bounds of what one answer shows of a document that somebody else may have written.
const (
	maxWordShown   = 300
	maxHopsShown   = 40
	maxPlacesShown = 10
)

func (a answer) text() string {
	var b strings.Builder
	for _, p := range a.Platforms {
		in := plain(a.Image)
		if len(a.Platforms) > 1 {
			repository, _, _ := strings.Cut(a.Image, "@")
			in = plain(repository + "@" + p.Digest)
		}
		if p.Platform != "" {
			in += " (" + plain(p.Platform) + ")"
		}
		for _, f := range p.Advisories {
			other := ""
			if len(f.Aliases) > 0 {
				other = " (" + plain(strings.Join(f.Aliases, ", ")) + ")"
			}
			fmt.Fprintf(&b, "%s%s is in %s %s: %s\n", plain(f.ID), other, plain(f.Package.Name), plain(f.Package.Version), plain(f.Fix.String()))
		}
		for _, c := range p.Components {
			fmt.Fprintf(&b, "%s  in %s\n", plain(cmp.Or(c.PURL, nameAndVersion(c.Name, c.Version))), in)
			c.write(&b)
		}
		switch {
		case p.More > 0:
			fmt.Fprintf(&b, "and %d components more; name a version to see fewer\n", p.More)
		case len(p.Components) > 0:
		case len(p.Advisories) > 0:
			fmt.Fprintf(&b, "which is not among the %d components that the SBOM of %s lists\n", p.Listed, in)
		default:
			fmt.Fprintf(&b, "%s is not in %s: its SBOM lists %d components, and none is that\n", plain(a.Query), in, p.Listed)
		}
	}
	return b.String()
}

func (c componentAnswer) write(b *strings.Builder) {
	for _, path := range c.Paths {
		words := []string{"image"}
		for i, hop := range path {
			if hidden := len(path) - maxHopsShown; hidden > 0 && i >= maxHopsShown/2 && i < len(path)-maxHopsShown/2 {
				if i == maxHopsShown/2 {
					words = append(words, fmt.Sprintf("... %d more ...", hidden))
				}
				continue
			}
			words = append(words, nameAndVersion(hop.Name, hop.Version))
		}
		fmt.Fprintf(b, "  %s\n", strings.Join(words, " > "))
	}
	switch c.More {
	case 0:
	case math.MaxUint64:
		b.WriteString("  and more paths of the same length than can be counted\n")
	default:
		fmt.Fprintf(b, "  and %d more paths of the same length\n", c.More)
	}
	for i, p := range c.Places {
		if i == maxPlacesShown {
			fmt.Fprintf(b, "  and in %d more places\n", len(c.Places)-i)
			break
		}
		fmt.Fprintf(b, "  in %s\n", p)
	}
	if c.Note != "" {
		fmt.Fprintf(b, "  %s\n", plain(c.Note))
	}
}

func (p placeAnswer) String() string {
	text := plain(p.Path)
	switch {
	case p.Layer > 0:
		text += fmt.Sprintf(", layer %d of %d %s", p.Layer, p.Layers, plain(p.Digest))
	case p.Digest != "":
		text += ", layer " + plain(p.Digest)
	}
	if p.CreatedBy != "" {
		text += " (created by `" + plain(p.CreatedBy) + "`)"
	}
	return text
}

func nameAndVersion(name, version string) string {
	return strings.TrimSpace(plain(name) + " " + plain(version))
}

// plain is a word of the document as a terminal may have it.
func plain(word string) string { return plainUpTo(word, maxWordShown) }

func plainUpTo(word string, most int) string {
	word = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(word, "?"))
	if len(word) > most {
		return strings.ToValidUTF8(word[:most], "") + "..."
	}
	return word
}

// say answers on standard output: in text, or with --format json the value for programs.
func say(r *step.Run, text string, value any) error {
	content := []byte(text)
	if answerFormatInput.Of(r) == "json" {
		var err error
		if content, err = answerJSON(value); err != nil {
			return err
		}
	}
	if _, err := r.Stdout.Write(content); err != nil {
		return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
	}
	return nil
}

// answerJSON writes an answer for programs, with whatever a terminal would take as a command escaped.
func answerJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return escaped(b.Bytes()), nil
}

func escaped(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for len(doc) > 0 {
		r, n := utf8.DecodeRune(doc)
		if unicode.IsPrint(r) || r == '\n' {
			out = append(out, doc[:n]...)
		} else if r > 0xffff {
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		} else {
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		doc = doc[n:]
	}
	return out
}
