package scan

import (
	"cmp"
	"sync"
	"time"

	"github.com/anchore/grype/grype/distro"
	"github.com/anchore/grype/grype/vulnerability"
)

// watchedProvider remembers the first look-up that failed, and spares those that can find nothing or were made before.
type watchedProvider struct {
	vulnerability.Provider
	names *names

	mu       sync.Mutex
	first    error
	metadata map[recordName]*vulnerability.Metadata
}

type recordName struct{ id, namespace string }

func newWatchedProvider(db *Database) *watchedProvider {
	return &watchedProvider{Provider: db.provider, names: db.names, metadata: map[recordName]*vulnerability.Metadata{}}
}

// VulnerabilityMetadata asks the database once for each record. Grype asks once for each match, to count severities on
// the way, and that is several queries each.
func (p *watchedProvider) VulnerabilityMetadata(of vulnerability.Reference) (*vulnerability.Metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := recordName{of.ID, of.Namespace}
	if known, ok := p.metadata[name]; ok {
		return known, nil
	}
	//lint:ignore SA1019 this is what grype's matcher calls
	found, err := p.Provider.VulnerabilityMetadata(of)
	if err == nil {
		p.metadata[name] = found
	}
	return found, err
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
