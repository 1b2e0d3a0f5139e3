package admission

import (
	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// attestors are the signers of all requirements, each once.
func (q request) attestors() (*yaml.Node, error) {
	n, done := list(), map[string]bool{}
	for _, r := range q.requirements {
		for _, s := range r.signers {
			if done[s.Name] {
				continue
			}
			done[s.Name] = true
			cosign, err := q.cosign(s)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, object(at("name", text(s.Name)), at("cosign", cosign)))
		}
	}
	return n, nil
}

func (q request) cosign(s signer) (*yaml.Node, error) {
	// With both, Kyverno needs nothing of the public Sigstore.
	ignored := at("ctlog", object(at("insecureIgnoreTlog", flag(true)), at("insecureIgnoreSCT", flag(true))))
	switch s.authority.Source {
	case trust.KMS:
		return object(at("key", object(at("kms", text(s.authority.Value)))), ignored), nil
	case trust.PublicKey:
		key, err := keyOf(s.authority, q.material)
		return object(at("key", object(at("data", textIf(key.pem)), at("hashAlgorithm", textIf(key.hash)))), ignored), err
	}
	if s.CallerWorkflow.Given() || s.SourceRepository.Given() || s.SourceRef.Given() {
		return nil, inexpressible(imageValidatingEngine, "the caller-workflow, source-repository and source-ref of the signer %s: it has additionalExtensions, and does not look at them", s.Name)
	}
	identities := list(object(append(identity("issuer", "issuerRegExp", s.Issuer), identity("subject", "subjectRegExp", s.Subject)...)...))
	instance, err := q.imageValidatingInstance(s.authority)
	return object(append([]member{at("keyless", object(at("identities", identities)))}, instance...)...), err
}

func (q request) imageValidatingInstance(a trust.Authority) ([]member, error) {
	if a.Source == trust.PublicSigstore {
		return []member{at("ctlog", ctlog(a, publicRekor))}, nil
	}
	if a.Source == trust.Certificates && a.TimestampAuthority == "" && q.format != legacy {
		return nil, inexpressible(imageValidatingEngine, "the certificates of the authority %s for bundles: it demands a timestamp of each", a.Name).Hint("name a timestamp-authority, or render the kind kyverno")
	}
	r, err := rootOf(a, q.material)
	if err != nil {
		return nil, err
	}
	if len(r.json) > maxRoot {
		return nil, outcome.New(outcome.InvalidInput, "the root of the authority %s is larger than the 1 MiB that Kyverno takes", a.Name)
	}
	address := publicRekor
	if len(r.logs) > 0 && r.logs[0].url != "" {
		address = r.logs[0].url
	}
	return []member{at("ctlog", ctlog(a, address)), at("trustedRoot", object(at("value", text(r.json))))}, nil
}

// ctlog: where it is there at all and a log is demanded, an address must be.
func ctlog(a trust.Authority, address string) *yaml.Node {
	if withoutLog(a) {
		address = ""
	} else if !withoutCTLog(a) {
		return nil
	}
	return objectIf(at("url", textIf(address)), at("insecureIgnoreTlog", flagIf(withoutLog(a))), at("insecureIgnoreSCT", flagIf(withoutCTLog(a))))
}
