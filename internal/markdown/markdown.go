// Package markdown makes untrusted text harmless in summaries.
package markdown

import (
	"fmt"
	"html"
	"strings"
)

// Text makes untrusted text harmless in Markdown: no markup, no HTML, no second line, no mention, no link.
func Text(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			fmt.Fprintf(&b, "&#92;u%04x", r)
		case strings.ContainsRune("\\`*_{}[]()#+!|~@:", r), r == '.' && strings.HasSuffix(strings.ToLower(b.String()), "www"):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteString(html.EscapeString(string(r)))
		}
	}
	return b.String()
}

// Code is untrusted text in the font of code.
func Code(s string) string { return "<code>" + Text(s) + "</code>" }

// Note is one remark that belongs at the top of what it follows.
func Note(text string) string { return "> " + Text(text) + "\n\n" }
