package kms

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Service is a kind of key management service. The text is the scheme of its references.
type Service string

// The services.
const (
	AWS   Service = "awskms"
	Azure Service = "azurekms"
	GCP   Service = "gcpkms"
	Vault Service = "hashivault"
)

// Reference names a key in a service. Its text is what was parsed.
type Reference struct {
	Service Service
	Key     string // what stands behind the scheme
}

func (r Reference) String() string { return string(r.Service) + "://" + r.Key }

// forms are what stands behind the scheme: what sigstore's providers take, without what nobody means, such as dots that
// climb, a login in a host, or a query.
// https://docs.sigstore.dev/cosign/key_management/overview/
func forms() map[Service]*regexp.Regexp {
	const host = `(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?)`
	const name = `[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?`
	const id = `(?:mrk-)?[A-Fa-f0-9]{8}-?(?:[A-Fa-f0-9]{4}-?){3}[A-Fa-f0-9]{12}|mrk-[A-Fa-f0-9]{32}`
	const arn = `arn:(?:aws|aws-us-gov|aws-cn):kms:[a-z0-9-]+:[0-9]{12}:`
	const alias = `alias/[A-Za-z0-9/_-]+`
	return map[Service]*regexp.Regexp{
		AWS:   regexp.MustCompile(`^` + host + `?/(?:` + id + `|` + alias + `|` + arn + `(?:key/(?:` + id + `)|` + alias + `))$`),
		Azure: regexp.MustCompile(`^` + host + `/[A-Za-z0-9-]+(?:/[a-z0-9]*)?$`),
		GCP:   regexp.MustCompile(`^projects/[^/?#\s]+/locations/[^/?#\s]+/keyRings/[^/?#\s]+/cryptoKeys/[^/?#\s]+(?:/(?:cryptoKeyVersions|versions)/[0-9]+)?$`),
		Vault: regexp.MustCompile(`^` + name + `$`),
	}
}

// maxReference is longer than any ARN.
const maxReference = 1024

// Parse takes the four schemes and nothing else.
func Parse(text string) (Reference, error) {
	scheme, key, found := strings.Cut(text, "://")
	form := forms()[Service(scheme)]
	switch {
	case len(text) > maxReference:
		return Reference{}, fmt.Errorf("it is longer than %d bytes", maxReference)
	case !found || form == nil:
		return Reference{}, errors.New("it begins with none of awskms://, azurekms://, gcpkms://, hashivault://")
	case !form.MatchString(key) || strings.Contains(key, ".."):
		return Reference{}, fmt.Errorf("it names no key of %s; docs/trust.md shows how one is written", scheme)
	}
	return Reference{Service(scheme), key}, nil
}
