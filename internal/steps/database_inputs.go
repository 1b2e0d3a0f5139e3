package steps

import (
	"fmt"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/mirror"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	providerAgeInput = step.Parsed(step.Declaration{Name: "max-provider-age", Placeholder: "PROVIDER=DURATION", Section: "database", Repeats: true,
		Usage: "how old the data of one provider may be, by the name that database status shows, as in github=48h; a provider that the database lacks is too old"}, parseProviderAges)
	databaseKeyInput = step.KeyMaterial(step.Declaration{Name: "database-key", Placeholder: "FILE", Section: "database",
		Usage: "the public key, in PEM, that must have signed latest.json: nothing else of a database is believed before that"}, outcome.KeyUnusable, maxKey)
	databaseSizeInput = step.Bytes(step.Declaration{Name: "max-database-size", Default: "4GiB", Section: "database",
		Usage: "how large an archive may be that is downloaded"})
	offlineInput = step.Switch(step.Declaration{Name: "offline", Section: "database",
		Usage: "reach out to nothing but the registries that are named for the image and its evidence: no database is downloaded, and no root of a Sigstore or key of a key service is asked for"})
)

// parseMirrors checks every address, so that all mistakes are told at once and nothing is contacted with one of them.
func parseMirrors(text string) ([]mirror.Address, error) {
	var list []mirror.Address
	for _, one := range split(text) {
		address, err := mirror.ParseAddress(one)
		if err != nil {
			return nil, err
		}
		list = append(list, address)
	}
	return list, nil
}

func parseProviderAges(text string) (map[string]time.Duration, error) {
	ages := map[string]time.Duration{}
	for _, one := range split(text) {
		name, limit, found := strings.Cut(one, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("%q is not PROVIDER=DURATION, as in github=48h", one)
		}
		if _, twice := ages[name]; twice {
			return nil, fmt.Errorf("%s stands twice", name)
		}
		age, err := parseAge(limit)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		ages[name] = age
	}
	return ages, nil
}

func split(text string) []string {
	var values []string
	for value := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values
}

// databaseKey is the publisher's key, if one is demanded.
func databaseKey(r *step.Run) (scan.Key, error) {
	pem := databaseKeyInput.Of(r)
	if !pem.Given() {
		return scan.Key{}, nil
	}
	key, err := signing.LoadPublicKey(pem.Content)
	if err != nil {
		return scan.Key{}, named(pem.In("--database-key"), err)
	}
	return scan.Key{ID: key.Signer(), Verify: key.VerifyBlob}, nil
}
