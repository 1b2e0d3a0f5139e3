package actions_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/stepseal/stepseal/internal/host/actions"
)

// command is how the runner finds one in a line, with characters that cannot be seen left out of the comparison.
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
func command(line string) bool {
	seen := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, line)
	return strings.HasPrefix(strings.TrimSpace(seen), "::") || strings.Contains(seen, "##[")
}

var hostile = []string{
	"::error::x", "  ::add-mask::a", "\t::stop-commands::x", "\u00a0::set-output name=verdict::accepted", "\u200b::error::x", ":\u200b:error::x",
	":\u00ad\u00ad:debug::x", "text ##[error]x", "#\u200b#[error]x", "##\u2060[add-mask]x", "####[group]", ":::error::", "::::", "\x00::error::x",
	"a\r::error::x", "a\n::error::x", "a\r\n ##[endgroup]", "##[##[##[", "\ufeff::error::x", "\u2003::error::x", "\u3000::error::", "::\n::\n##[",
}

func TestNoLineOfTheLogIsACommand(t *testing.T) {
	for _, text := range hostile {
		var log bytes.Buffer
		if n, err := actions.Defused(&log).Write([]byte(text + "\n")); err != nil || n != len(text)+1 {
			t.Errorf("%q: %d %v", text, n, err)
		}
		for _, line := range strings.FieldsFunc(log.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
			if command(line) {
				t.Errorf("%q is still a command: %q", text, line)
			}
		}
	}
}

func TestACommandCannotComeInPieces(t *testing.T) {
	for _, text := range hostile {
		var log bytes.Buffer
		w := actions.Defused(&log)
		for i := range len(text) {
			_, _ = w.Write([]byte{text[i]})
		}
		for _, line := range strings.FieldsFunc(log.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
			if command(line) {
				t.Errorf("%q is still a command: %q", text, line)
			}
		}
	}
}

func TestOrdinaryTextStaysAsItIs(t *testing.T) {
	for _, text := range []string{"scan-gate: accepted", "std::string and perl-Foo::Bar", "# Title [x] #1 [2]", "at ::1", ": a", `{"message":"a::b"}`, ""} {
		var log bytes.Buffer
		_, _ = actions.Defused(&log).Write([]byte(text + "\n"))
		if log.String() != text+"\n" {
			t.Errorf("%q became %q", text, log.String())
		}
	}
}

func FuzzDefused(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var log bytes.Buffer
		_, _ = actions.Defused(&log).Write([]byte(text))
		for _, line := range strings.FieldsFunc(log.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
			if command(line) {
				t.Errorf("%q is still a command: %q", text, line)
			}
		}
	})
}
