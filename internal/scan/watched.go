package scan

import (
	"cmp"
	"sync"
	"time"

	"github.com/anchore/grype/grype/distro"
	"github.com/anchore/grype/grype/vulnerability"
)

// watchedProvider remembers the first look-up that failed, and spares those that can find nothing.
type watchedProvider struct {
	vulnerability.Provider
	names *names

	mu    sync.Mutex
	first error
}

func newWatchedProvider(db *Database) *watchedProvider {
	return &watchedProvider{Provider: db.provider, names: db.names}
}

func (p *watchedProvider) FindVulnerabilities(criteria ...vulnerability.Criteria) ([]vulnerability.Vulnerability, error) {
	nothing, err := p.names.nothingFor(criteria)
	if nothing {
		return nil, nil
	}
	var found []vulnerability.Vulnerability
	if err == nil {
		found, err = p.Provider.FindVulnerabilities(criteria...)
	}
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.first = cmp.Or(p.first, err)
	}
	return found, err
}

// GetOperatingSystemEOL is asked for by matchers that know of it.
func (p *watchedProvider) GetOperatingSystemEOL(d *distro.Distro) (end, endOfSupport *time.Time, err error) {
	if checker, ok := p.Provider.(vulnerability.EOLChecker); ok {
		return checker.GetOperatingSystemEOL(d)
	}
	return nil, nil, nil
}

func (p *watchedProvider) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first
}
