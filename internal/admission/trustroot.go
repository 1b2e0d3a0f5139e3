package admission

import (
	"cmp"
	"encoding/base64"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// trustRoot is a Sigstore of somebody's own as policy-controller reads it, with nothing to fetch.
// https://github.com/sigstore/policy-controller/blob/v0.14.0/pkg/apis/policy/v1alpha1/trustroot_types.go
func (q request) trustRoot(a trust.Authority) (*yaml.Node, error) {
	r, err := rootOf(a, q.material)
	if err != nil {
		return nil, err
	}
	authorities, err := chains(a, r.authorities)
	if err != nil {
		return nil, err
	}
	timestamps, err := chains(a, r.timestamps)
	if err != nil {
		return nil, err
	}
	logs, err := instances(a, r.logs)
	if err != nil {
		return nil, err
	}
	ctLogs, err := instances(a, r.ctLogs)
	if err != nil {
		return nil, err
	}
	keys := object(at("certificateAuthorities", authorities), at("tLogs", logs), at("ctLogs", ctLogs), at("timestampAuthorities", timestamps))
	return header("policy.sigstore.dev/v1alpha1", "TrustRoot", a.Name, object(at("sigstoreKeys", keys))), nil
}

func chains(a trust.Authority, all []certifier) (*yaml.Node, error) {
	if len(all) == 0 {
		return nil, nil
	}
	n := list()
	for _, c := range all {
		if c.url == "" {
			return nil, outcome.New(outcome.InvalidInput, "the root of the authority %s holds an authority without an address, which policy-controller demands", a.Name)
		}
		// Both names are demanded, and neither is compared with anything.
		name := cmp.Or(c.name, c.organization, a.Name)
		n.Content = append(n.Content, object(
			at("subject", object(at("organization", text(cmp.Or(c.organization, name))), at("commonName", text(name)))),
			at("uri", text(c.url)),
			at("certChain", base64Text(c.pem())),
		))
	}
	return n, nil
}

// known leaves out logs with keys that policy-controller does not know, as those of a Rekor v2 are: beside one of them it
// reads nothing.
func known(all []log) []log {
	return slices.DeleteFunc(slices.Clone(all), func(l log) bool { return !l.ecdsa })
}

func instances(a trust.Authority, all []log) (*yaml.Node, error) {
	all = known(all)
	if len(all) == 0 {
		return nil, nil
	}
	n := list()
	for _, l := range all {
		if l.url == "" {
			return nil, outcome.New(outcome.InvalidInput, "the root of the authority %s holds a log without an address, which policy-controller demands", a.Name)
		}
		n.Content = append(n.Content, object(at("baseURL", text(l.url)), at("hashAlgorithm", text("sha-256")), at("publicKey", base64Text(l.key))))
	}
	return n, nil
}

func base64Text(value string) *yaml.Node {
	return text(base64.StdEncoding.EncodeToString([]byte(value)))
}
