package transcripts

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stepseal/stepseal/internal/outcome"
)

// TestEveryReasonHasATranscript keeps the table of reasons honest: a reason that no script brings about is not known to
// work.
func TestEveryReasonHasATranscript(t *testing.T) {
	var scripts []string
	for _, folder := range []string{"*", "../../testdata"} {
		found, err := filepath.Glob(folder + "/*.txtar")
		if err != nil || len(found) == 0 {
			t.Fatal("no scripts in", folder, err)
		}
		scripts = append(scripts, found...)
	}
	shown := map[string]bool{}
	asserted := regexp.MustCompile(`(?m)^outputs .*\breason=([a-z-]+)|^ends \d+ ([a-z-]+) `)
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range asserted.FindAllStringSubmatch(string(text), -1) {
			shown[found[1]+found[2]] = true
		}
	}
	for _, row := range outcome.Table() {
		if !shown[string(row.Reason)] {
			t.Errorf("no transcript ends with the reason %s", row.Reason)
		}
	}
}
