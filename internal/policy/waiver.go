package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Waiver accepts a finding for a time: somebody answers for it, and says why.
type Waiver struct {
	ID      string  `json:"id"`      // CVE, GHSA or another name of the vulnerability; or the id of a Violation
	Package Pattern `json:"package"` // in which packages
	Images  string  `json:"image,omitempty"`
	Path    string  `json:"path,omitempty"` // of every place of the package; * stands for any characters, as in Images
	Reason  string  `json:"reason"`
	Owner   string  `json:"owner"`
	Expires Day     `json:"expires"` // the last day on which it holds, in UTC
}

// maxWaiverText bounds each text of a waiver: all of them are shown.
const maxWaiverText = 1000

// Check says what is missing or wrong; a waiver that does not pass must not be used.
func (w Waiver) Check() error {
	var wrong []error
	for _, field := range []struct{ name, text string }{{"id", w.ID}, {"package", w.Package.text}, {"reason", w.Reason}, {"owner", w.Owner}, {"expires", string(w.Expires)}} {
		if strings.TrimSpace(field.text) == "" {
			wrong = append(wrong, fmt.Errorf("%s is missing", field.name))
		}
	}
	for _, field := range []struct{ name, text string }{{"id", w.ID}, {"image", w.Images}, {"path", w.Path}, {"reason", w.Reason}, {"owner", w.Owner}} {
		if len(field.text) > maxWaiverText || strings.ContainsFunc(field.text, isControl) {
			wrong = append(wrong, fmt.Errorf("%s is longer than %d bytes or holds control characters", field.name, maxWaiverText))
		}
	}
	if w.ID != "" && strings.ContainsAny(w.ID, "* \t") {
		wrong = append(wrong, errors.New("id names one vulnerability: no * and no space"))
	}
	if _, err := ParseDay(string(w.Expires)); w.Expires != "" && err != nil {
		wrong = append(wrong, fmt.Errorf("expires: %w", err))
	}
	return errors.Join(wrong...)
}

// excuses says whether it accepts on that day what it is about.
func (w Waiver) excuses(today Day) bool { return !w.Expired(today) }

// Expired says whether it no longer holds on that day.
func (w Waiver) Expired(today Day) bool { return w.Expires < today }

// about says whether the waiver is for this, expired or not.
func (w Waiver) about(image string, ids []string, of Package, places []Location) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, w.ID) }) &&
		w.coversPackage(of) && w.coversImage(image) && w.coversPlaces(places)
}

func (w Waiver) coversPackage(of Package) bool { return w.Package.Matches(of) }

func (w Waiver) coversImage(image string) bool {
	return w.Images == "" || glob(w.Images, image) || glob(w.Images, strings.Split(image, "@")[0])
}

func (w Waiver) coversPlaces(places []Location) bool {
	return w.Path == "" || everywhere(w.Path, places)
}

func compareWaivers(a, b Waiver) int {
	return slices.Compare([]string{a.ID, a.Package.text, a.Images, a.Path, string(a.Expires), a.Owner, a.Reason},
		[]string{b.ID, b.Package.text, b.Images, b.Path, string(b.Expires), b.Owner, b.Reason})
}
