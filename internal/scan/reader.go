package scan

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/syft/syft/cpe"
	"gorm.io/gorm"
)

// reader is grype's reader of a database, held to two things more. What is asked again is remembered: a vulnerability of
// many packages is rated once, and a package in many versions is looked up once. And a query that failed is told, for
// grype logs some failures and goes on: a finding would no longer be known as exploited, and nobody would know.
// https://github.com/anchore/grype/blob/v0.120.1/grype/db/v6/vulnerability_provider.go
type reader struct {
	v6.Reader
	noEPSS bool

	failing sync.Mutex
	first   error

	reading sync.Mutex
	texts   map[v6.ID]*v6.VulnerabilityBlob

	mu       sync.Mutex
	kev      map[string][]v6.KnownExploitedVulnerabilityHandle
	epss     map[string][]v6.EpssHandle
	cwes     map[string][]v6.CWEHandle
	packages map[string][]v6.AffectedPackageHandle
	held     int
}

// maxHeld bounds how many records of packages, and texts, are remembered at a time: an image has hundreds, a kernel
// thousands.
const maxHeld = 20_000

func openReader(dir string) (*reader, error) {
	of, err := v6.NewReader(v6.Config{DBDirPath: dir})
	if err != nil {
		return nil, err
	}
	out := &reader{Reader: of,
		texts:    map[v6.ID]*v6.VulnerabilityBlob{},
		kev:      map[string][]v6.KnownExploitedVulnerabilityHandle{},
		epss:     map[string][]v6.EpssHandle{},
		cwes:     map[string][]v6.CWEHandle{},
		packages: map[string][]v6.AffectedPackageHandle{},
	}
	if err := out.GetDB().Callback().Query().After("gorm:query").Register("stepseal:failed", out.watch); err != nil {
		return nil, errors.Join(err, of.Close())
	}
	// To ask a database without ratings for one fails, every time.
	err = out.GetDB().First(&v6.EpssMetadata{}).Error
	if out.noEPSS = errors.Is(err, gorm.ErrRecordNotFound); err != nil && !out.noEPSS {
		return nil, errors.Join(err, of.Close())
	}
	return out, nil
}

// GetDB is what grype fills records by: it asserts that every reader has it.
// https://github.com/anchore/grype/blob/v0.120.1/grype/db/v6/refs.go
func (r *reader) GetDB() *gorm.DB { return r.Reader.(interface{ GetDB() *gorm.DB }).GetDB() }

func (r *reader) GetKnownExploitedVulnerabilities(cve string) ([]v6.KnownExploitedVulnerabilityHandle, error) {
	return remembered(r, r.kev, cve, r.Reader.GetKnownExploitedVulnerabilities)
}

func (r *reader) GetEpss(cve string) ([]v6.EpssHandle, error) {
	if r.noEPSS {
		return nil, nil
	}
	return remembered(r, r.epss, cve, r.Reader.GetEpss)
}

func (r *reader) GetCWEs(cve string) ([]v6.CWEHandle, error) {
	return remembered(r, r.cwes, cve, r.Reader.GetCWEs)
}

func remembered[T any](r *reader, known map[string]T, key string, ask func(string) (T, error)) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if answer, ok := known[key]; ok {
		return answer, nil
	}
	answer, err := ask(key)
	if err != nil {
		r.fail(err)
		return answer, err
	}
	known[key] = answer
	return answer, nil
}

// GetAffectedPackages answers with records of its own for each caller, who fills them in. What their blobs hold is
// shared, and only read.
func (r *reader) GetAffectedPackages(of *v6.PackageSpecifier, options *v6.GetPackageOptions) ([]v6.AffectedPackageHandle, error) {
	question, err := json.Marshal(struct {
		Of      *v6.PackageSpecifier
		Options *v6.GetPackageOptions
	}{of, options})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.packages[string(question)]; ok {
		return slices.Clone(known), nil
	}
	found, err := r.Reader.GetAffectedPackages(of, options)
	if err != nil {
		return found, err
	}
	if options.PreloadBlob && slices.ContainsFunc(found, func(h v6.AffectedPackageHandle) bool { return h.BlobValue == nil }) {
		return nil, errWithoutRanges
	}
	if r.held += len(found); r.held > maxHeld {
		clear(r.packages)
		r.held = len(found)
	}
	r.packages[string(question)] = found
	return slices.Clone(found), nil
}

func (r *reader) GetAffectedCPEs(of *cpe.Attributes, options *v6.GetCPEOptions) ([]v6.AffectedCPEHandle, error) {
	found, err := r.Reader.GetAffectedCPEs(of, options)
	if err == nil && options.PreloadBlob && slices.ContainsFunc(found, func(h v6.AffectedCPEHandle) bool { return h.BlobValue == nil }) {
		return nil, errWithoutRanges
	}
	return found, err
}

// errWithoutRanges is of a record that grype would leave out.
var errWithoutRanges = errors.New("a record does not say which versions it is about")

// watch is called after each query.
func (r *reader) watch(query *gorm.DB) {
	if query.Error != nil && !errors.Is(query.Error, gorm.ErrRecordNotFound) {
		r.fail(query.Error)
	}
	if found, ok := query.Statement.Dest.(*[]v6.VulnerabilityHandle); ok && query.Error == nil {
		_ = query.AddError(r.describe(*found))
	}
}

// describe adds the texts of the vulnerabilities, as grype does where they lack them, and reads each text once.
func (r *reader) describe(vulnerabilities []v6.VulnerabilityHandle) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	if len(r.texts) > maxHeld {
		clear(r.texts)
	}
	var missing []v6.ID
	for i := range vulnerabilities {
		if r.texts[vulnerabilities[i].BlobID] == nil {
			missing = append(missing, vulnerabilities[i].BlobID)
		}
	}
	if len(missing) > 0 {
		var blobs []v6.Blob
		if err := r.GetDB().Where("id IN ?", missing).Find(&blobs).Error; err != nil {
			return err
		}
		for _, b := range blobs {
			text := &v6.VulnerabilityBlob{}
			if err := json.Unmarshal([]byte(b.Value), text); err != nil {
				return err
			}
			r.texts[b.ID] = text
		}
	}
	for i := range vulnerabilities {
		vulnerabilities[i].BlobValue = r.texts[vulnerabilities[i].BlobID]
	}
	return nil
}

func (r *reader) fail(err error) {
	r.failing.Lock()
	defer r.failing.Unlock()
	r.first = cmp.Or(r.first, err)
}

func (r *reader) failed() error {
	r.failing.Lock()
	defer r.failing.Unlock()
	return r.first
}
