package steps

import (
	"cmp"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

var trustStructure = step.Structured(step.Declaration{Name: "trust", Schema: trust.Schema,
	Usage: "who may sign what, by whose word, and what must be there; it counts in a file that is named with --config alone"}, trust.Read)

// trusted is whom a run trusts, and what it demands of an image.
type trusted struct {
	signing.Trust
	demands []trust.Demand
}

// whomToTrust is what the trust section of the config file says, or where there is none the key and the demands of the
// inputs. They are not mixed: whoever reads the section reads all of it.
func whomToTrust(r *step.Run) (trusted, error) {
	section := trustStructure.Of(r)
	if !namesSection(r) {
		key, err := trustedKey(r)
		return trusted{signing.ByKeys(key), demanded(r)}, err
	}
	if err := besideSection(r, publicKeyInput, requireInput, maxScanAgeInput, sbomBindingInput); err != nil {
		return trusted{}, err
	}
	of, err := newResolver(r).trust(section)
	return trusted{of, section.Evidence}, err
}

// besideSection refuses inputs that would say something else than the trust section.
func besideSection(r *step.Run, said ...step.Input) error {
	for _, in := range said {
		if r.Given(in) {
			return outcome.New(outcome.InvalidInput, "%s and the trust section of %s: the section says whom to trust and what must be there, and nothing beside it does",
				cmp.Or(r.Origin(in), "--"+in.Declaration().Name), r.ConfigName()).Hint("leave one of them out")
		}
	}
	return nil
}

func trustedKey(r *step.Run) (signing.PublicKey, error) {
	pem := publicKeyInput.Of(r)
	if !pem.Given() {
		return signing.PublicKey{}, outcome.New(outcome.InvalidInput, "there is nobody to trust").
			Hint("name the public key that must have signed with --public-key, or a config file with a trust section with --config")
	}
	key, err := signing.LoadPublicKey(pem.Content)
	if err != nil {
		return key, named(pem.In("--public-key"), err)
	}
	return key, nil
}

// namesTrust says whether anybody is named to trust.
func namesTrust(r *step.Run) bool {
	return publicKeyInput.Of(r).Given() || namesSection(r)
}

func namesSection(r *step.Run) bool { return len(trustStructure.Of(r).Authorities) > 0 }

// resolver reads the files that a trust section names, each once. It contacts nobody.
type resolver struct {
	run       *step.Run
	sigstores map[string]*signing.Sigstore
	keys      map[string]signing.PublicKey
}

func newResolver(r *step.Run) *resolver {
	return &resolver{r, map[string]*signing.Sigstore{}, map[string]signing.PublicKey{}}
}

func (f *resolver) trust(section trust.Section) (signing.Trust, error) {
	of := signing.Trust{BundlesOnly: section.Format == string(signing.Bundle)}
	for _, s := range section.Signers {
		authority, _ := section.Authority(s.Authority) // trust.Read has looked
		signer := signing.Signer{Signer: s}
		var err error
		if authority.Source.Keyless() {
			signer.Sigstore, err = f.sigstore(authority)
		} else {
			signer.Key, err = f.key(authority)
		}
		if err != nil {
			return of, err
		}
		of.Signers = append(of.Signers, signer)
	}
	return of, nil
}

func (f *resolver) sigstore(a trust.Authority) (*signing.Sigstore, error) {
	if known, ok := f.sigstores[a.Name]; ok {
		return known, nil
	}
	made, err := f.newSigstore(a)
	f.sigstores[a.Name] = made
	return made, err
}

func (f *resolver) newSigstore(a trust.Authority) (*signing.Sigstore, error) {
	switch a.Source {
	case trust.TrustedRoot:
		content, err := f.file(a, a.Value)
		if err != nil {
			return nil, err
		}
		return signing.NewSigstore(a.Name+" ("+a.Value+")", content, signing.Without{CTLog: a.WithoutCTLog, Log: a.WithoutLog})
	case trust.Certificates:
		chain, err := f.file(a, a.Value)
		if err != nil {
			return nil, err
		}
		var stamping []byte
		if a.TimestampAuthority != "" {
			if stamping, err = f.file(a, a.TimestampAuthority); err != nil {
				return nil, err
			}
		}
		return signing.NewCertificates(a.Name, chain, stamping)
	}
	return nil, outcome.New(outcome.TrustUnusable, "authority %s: %s cannot be used here", a.Name, a.Source)
}

func (f *resolver) key(a trust.Authority) (signing.PublicKey, error) {
	if known, ok := f.keys[a.Name]; ok {
		return known, nil
	}
	if a.Source != trust.PublicKey {
		return signing.PublicKey{}, outcome.New(outcome.TrustUnusable, "authority %s: %s cannot be used here", a.Name, a.Source)
	}
	content, err := f.file(a, a.Value)
	if err != nil {
		return signing.PublicKey{}, err
	}
	key, err := signing.LoadPublicKey(content)
	if err != nil {
		return key, outcome.New(outcome.TrustUnusable, "authority %s: %s", a.Name, a.Value).Because(err)
	}
	f.keys[a.Name] = key
	return key, nil
}

// maxTrustFile bounds a file that the trust section names.
const maxTrustFile = 1 << 20

// file reads a file that stands relative to the config file.
func (f *resolver) file(a trust.Authority, path string) ([]byte, error) {
	content, err := evidence.ReadFile(f.run.BesideConfig(path), maxTrustFile)
	if err != nil {
		return nil, outcome.New(outcome.TrustUnusable, "authority %s: %s", a.Name, path).Because(step.Bare(err))
	}
	return content, nil
}
