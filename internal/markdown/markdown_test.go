package markdown_test

import (
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/markdown"
)

const hostile = "evil\n| x |\n::error::<script>alert(1)</script>[a](javascript:b) ![c](http://d) www.e.f `e` @team \x1b[2J\u202e&amp;"

func TestUntrustedTextStaysText(t *testing.T) {
	got := markdown.Text(hostile)
	for _, bad := range []string{"\n", "<", "[", "](", "`", "|", "@", ":", "www.", "\x1b", "\u202e", "!"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is left in %s", bad, got)
		}
	}
}
