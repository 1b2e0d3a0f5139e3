package licence

import (
	"fmt"
	"strings"
)

// Set is a list of licences that are allowed, or that are denied. The zero value holds none.
type Set struct {
	whole    map[Licence]bool // with an exception, or without
	prefixes []string         // lower case
}

// maxEntries bounds a list.
const maxEntries = 10_000

// NewSet reads the entries of a list: "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", and with a star at the
// end all whose id begins alike: "GPL-*". Names out of use mean what took their place, so that "GPL-2.0" is GPL-2.0-only.
func NewSet(entries []string) (Set, error) {
	s := Set{whole: map[Licence]bool{}}
	if len(entries) > maxEntries {
		return Set{}, fmt.Errorf("a list of %d licences, more than the %d allowed", len(entries), maxEntries)
	}
	for _, entry := range entries {
		if prefix, ok := strings.CutSuffix(strings.TrimSpace(entry), "*"); ok {
			if prefix == "" || strings.ContainsAny(prefix, "* ()+") {
				return Set{}, fmt.Errorf("licence %.80q: a star stands at the end of the beginning of an id, GPL-*", entry)
			}
			s.prefixes = append(s.prefixes, strings.ToLower(prefix))
			continue
		}
		e, err := Parse(entry)
		if err != nil {
			return Set{}, err
		}
		if e.join != alone {
			return Set{}, fmt.Errorf("licence %.80q: an entry is one licence, not an expression of several", entry)
		}
		s.whole[e.licence.folded()] = true
	}
	return s, nil
}

// Has says whether the list names the licence. An entry without an exception means the licence with every exception too,
// and an entry of one version means the licence that lets one choose this or a later one: GPL-2.0-only has
// GPL-2.0-or-later. Both hold for what is allowed, since more is permitted then, and for what is denied.
func (s Set) Has(l Licence) bool {
	id := strings.ToLower(l.ID)
	for _, prefix := range s.prefixes {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	ids := []string{id}
	if base, later := strings.CutSuffix(id, "-or-later"); later {
		ids = append(ids, base+"-only")
	}
	for _, id := range ids {
		for _, orLater := range []bool{false, l.OrLater} {
			if s.whole[Licence{ID: id, OrLater: orLater}] || s.whole[Licence{ID: id, OrLater: orLater, Exception: strings.ToLower(l.Exception)}] {
				return true
			}
		}
	}
	return false
}

// folded is the licence for comparison: ids have no case.
func (l Licence) folded() Licence {
	return Licence{ID: strings.ToLower(l.ID), OrLater: l.OrLater, Exception: strings.ToLower(l.Exception)}
}
