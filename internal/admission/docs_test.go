package admission_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/admission"
)

// TestThePageSaysOfEveryKindWhatItsNotesSay: which engine notices that an image was refused after it had been accepted.
func TestThePageSaysOfEveryKindWhatItsNotesSay(t *testing.T) {
	content, err := os.ReadFile("../../docs/admission.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|.*\\| ([^|]+) \\|$").FindAllStringSubmatch(string(content), -1) {
		rows[row[1]] = row[2]
	}
	for kind, says := range map[admission.Kind]struct{ note, page string }{
		admission.Kyverno:                   {"Every scan by a signer must be accepted, and not the newest alone", "yes, and for ever"},
		admission.KyvernoImageValidating:    {"which need not be the newest", "perhaps"},
		admission.PolicyController:          {"an older accepted scan lets an image in beside a newer refused one", "no: any accepted scan"},
		admission.ValidatingAdmissionPolicy: {"nothing is verified", "no: it verifies nothing"},
	} {
		policy := rendered(t, kind, keyOnly(), admission.Options{Images: []string{"registry.example.com/team/*"}, Format: "both"})
		if notes := strings.Join(policy.Notes, "\n"); !strings.Contains(notes, says.note) {
			t.Errorf("%s: no note says %q any more:\n%s", kind, says.note, notes)
		}
		if !strings.HasPrefix(rows[string(kind)], says.page) {
			t.Errorf("%s: the page says %q", kind, rows[string(kind)])
		}
		delete(rows, string(kind))
	}
	if len(rows) > 0 {
		t.Errorf("the page has kinds that there are not: %v", rows)
	}
}
