package licence

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

// reference is a licence that the SPDX list does not have, and a document explains. Compiled when first used, for every
// start of the program would wait for it.
var reference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:(DocumentRef-)([A-Za-z0-9.-]+):)?(?i:(LicenseRef-))([A-Za-z0-9.-]+)$`)
})

// addition is an exception of that kind.
var addition = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:(DocumentRef-)([A-Za-z0-9.-]+):)?(?i:(AdditionRef-))([A-Za-z0-9.-]+)$`)
})

// identified finds a word in the SPDX list, and gives a name that is out of use the one that took its place.
func identified(word string) (Licence, error) {
	if m := reference().FindStringSubmatch(word); m != nil {
		id := "LicenseRef-" + m[4]
		if m[2] != "" {
			id = "DocumentRef-" + m[2] + ":" + id
		}
		return Licence{ID: id}, nil
	}
	base, plus := strings.CutSuffix(word, "+")
	if plus {
		base = strings.TrimSuffix(base, "-only")
		for _, later := range []string{base, base + "-or-later"} {
			if known, id := spdxlicenses.IsActiveLicense(later); known && strings.HasSuffix(id, "-or-later") {
				return Licence{ID: id}, nil
			}
		}
	}
	if known, id := spdxlicenses.IsActiveLicense(base); known {
		return Licence{ID: id, OrLater: plus}, nil
	}
	if known, id := spdxlicenses.IsActiveLicense(base + "-only"); known && !plus {
		return Licence{ID: id}, nil
	}
	if known, id := spdxlicenses.IsDeprecatedLicense(base); known {
		return replaced(id, plus), nil
	}
	return Licence{}, fmt.Errorf("%.80q is not in the SPDX licence list", word)
}

// replaced takes the exception out of an old name: GPL-2.0-with-classpath-exception.
// https://spdx.org/licenses/#deprecated
func replaced(id string, plus bool) Licence {
	base, with, ok := strings.Cut(id, "-with-")
	if !ok {
		return Licence{ID: id, OrLater: plus}
	}
	name := map[string]string{
		"GPL-2.0 autoconf-exception": "Autoconf-exception-2.0", "GPL-3.0 autoconf-exception": "Autoconf-exception-3.0",
		"GPL-2.0 bison-exception": "Bison-exception-2.2", "GPL-2.0 classpath-exception": "Classpath-exception-2.0",
		"GPL-2.0 font-exception": "Font-exception-2.0", "GPL-2.0 GCC-exception": "GCC-exception-2.0",
		"GPL-3.0 GCC-exception": "GCC-exception-3.1",
	}[base+" "+with]
	switch {
	case name == "":
		return Licence{ID: id, OrLater: plus}
	case plus:
		return Licence{ID: base + "-or-later", Exception: name}
	}
	return Licence{ID: base + "-only", Exception: name}
}

func exception(word string) (string, error) {
	if m := addition().FindStringSubmatch(word); m != nil {
		id := "AdditionRef-" + m[4]
		if m[2] != "" {
			id = "DocumentRef-" + m[2] + ":" + id
		}
		return id, nil
	}
	if known, id := spdxlicenses.IsException(word); known {
		return id, nil
	}
	return "", fmt.Errorf("%.80q is not in the SPDX list of exceptions", word)
}
