package actions

import "io"

// Defused passes a log on in which no line can be a workflow command. The runner takes a line for one that begins, after
// whitespace, with two colons, or that holds two hashes and a bracket anywhere; a space between them takes the meaning
// away and leaves the text readable, in JSON too. The runner compares by the rules of a language, in which characters
// that cannot be seen do not count: so they do not count here.
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
func Defused(log io.Writer) io.Writer { return &defused{to: log, start: true} }

type defused struct {
	to     io.Writer
	start  bool // the line has nothing visible yet, but for a colon
	colon  bool
	hashes int
}

// Write passes on all at once, so that lines of several writers do not mix.
func (d *defused) Write(p []byte) (int, error) {
	safe := make([]byte, 0, len(p)+8)
	for _, b := range p {
		if d.completes(b) {
			safe = append(safe, ' ')
		}
		safe = append(safe, b)
	}
	if _, err := d.to.Write(safe); err != nil {
		return 0, err
	}
	return len(p), nil
}

// completes tells whether the byte would end one of the two signs.
func (d *defused) completes(b byte) bool {
	switch {
	case b == '\n' || b == '\r':
		d.start, d.colon, d.hashes = true, false, 0
	case b <= ' ' || b >= 0x7f: // whitespace, and whatever may not count
	case b == ':' && d.start && d.colon:
		d.start, d.hashes = false, 0
		return true
	case b == ':' && d.start:
		d.colon, d.hashes = true, 0
	case b == '#':
		d.start = false
		d.hashes++
	case b == '[' && d.hashes >= 2:
		d.start, d.hashes = false, 0
		return true
	default:
		d.start, d.hashes = false, 0
	}
	return false
}
