package report

import (
	"strings"
	"unicode/utf8"

	"github.com/stepseal/stepseal/internal/policy"
)

// plain is untrusted text as a report may carry it: valid UTF-8 without control characters and without what reorders or
// hides text, in at most most bytes. Every report escapes it for its format besides.
func plain(s string, most int) string {
	const dots = "..."
	var b strings.Builder
	room := 0 // how much of the text fits beside the dots
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case invisible(r):
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > most {
			return b.String()[:room] + dots
		}
		b.WriteRune(r)
		if b.Len() <= most-len(dots) {
			room = b.Len()
		}
	}
	return b.String()
}

// invisible are control characters, line and paragraph separators, the marks that change the direction of text, zero
// width characters and what Unicode sets aside as no character at all; XML 1.0 forbids some of them too.
func invisible(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0xad, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f,
		r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

// webURLs are the finding's addresses that are safe to link to.
func webURLs(f policy.Finding, most int) []string {
	var safe []string
	for _, url := range f.URLs {
		if len(safe) < most && isWeb(url) {
			safe = append(safe, url)
		}
	}
	return safe
}

// isWeb says whether the text is an address of the web and nothing besides: no other scheme, no space, no quote, nothing
// that Markdown or HTML could take for its own.
func isWeb(url string) bool {
	rest, ok := strings.CutPrefix(url, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(url, "http://")
	}
	return ok && rest != "" && len(url) <= 1000 && !strings.HasPrefix(rest, "/") && !strings.ContainsFunc(url, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("<>\"'`()[]{}|\\^*", r)
	})
}
