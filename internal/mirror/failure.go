package mirror

import (
	"errors"
	"fmt"

	"github.com/stepseal/stepseal/internal/outcome"
)

// failure is why one address did not serve.
type failure struct {
	from Address
	err  error
}

type failures []failure

func (f failures) lines() []string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = fmt.Sprintf("%s did not serve: %v", one.from, one.err)
	}
	return lines
}

// error is the whole story. Of several reasons, the one that somebody has to look into comes first: a signature that
// does not fit before data that is damaged, and both before a server that is away.
func (f failures) error() error {
	if len(f) == 0 {
		return outcome.New(outcome.DatabaseUnavailable, "no address to fetch the database from")
	}
	for _, reason := range []outcome.Reason{outcome.DatabaseUntrusted, outcome.DatabaseDamaged, outcome.TooLarge, outcome.DiskFull} {
		for _, one := range f {
			var known *outcome.Error
			if errors.As(one.err, &known) && known.Reason == reason {
				worst := *known
				if len(f) > 1 {
					worst.Evidence = append(f.lines(), worst.Evidence...)
				}
				return &worst
			}
		}
	}
	if len(f) == 1 {
		return outcome.New(outcome.DatabaseUnavailable, "no database from %s", f[0].from).Because(f[0].err)
	}
	return outcome.New(outcome.DatabaseUnavailable, "no database from any of %d addresses", len(f)).With(f.lines()...)
}
