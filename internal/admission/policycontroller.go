package admission

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

const policyControllerEngine = "policy-controller"

const publicFulcio = "https://fulcio.sigstore.dev"

// maxCombinations bounds the policies that one threshold becomes.
const maxCombinations = 20

// clusterImagePolicies are several, all of which an image must fit: of one policy's authorities any is enough.
// https://docs.sigstore.dev/policy-controller/overview/
func clusterImagePolicies(q request) (rendering, error) {
	var made rendering
	roots := map[string]bool{}
	for _, r := range q.requirements {
		groups := combinations(r.signers, len(r.signers)-r.Threshold+1)
		if len(groups) > maxCombinations {
			return made, inexpressible(policyControllerEngine, "a threshold of %d among %d signers", r.Threshold, len(r.signers))
		}
		for i, group := range groups {
			policy, err := q.clusterImagePolicy(r, group, suffix(i, len(groups)))
			if err != nil {
				return made, err
			}
			made.documents = append(made.documents, policy)
		}
		for _, s := range r.signers {
			if s.authority.Source != trust.TrustedRoot || roots[s.authority.Name] {
				continue
			}
			roots[s.authority.Name] = true
			root, err := q.trustRoot(s.authority)
			if err != nil {
				return made, err
			}
			made.documents = append(made.documents, root)
		}
	}
	made.notes = q.policyControllerNotes()
	return made, nil
}

func suffix(i, of int) string {
	if of == 1 {
		return ""
	}
	return fmt.Sprintf("-%d", i+1)
}

// combinations are all groups of the size. At least n of m signers have signed exactly if in every group of m-n+1 one has.
func combinations(of []signer, size int) [][]signer {
	if size == 0 {
		return [][]signer{nil}
	}
	var all [][]signer
	for i := 0; i+size <= len(of) && len(all) <= maxCombinations; i++ {
		for _, rest := range combinations(of[i+1:], size-1) {
			all = append(all, append([]signer{of[i]}, rest...))
		}
	}
	return all
}

func (q request) clusterImagePolicy(r requirement, group []signer, suffix string) (*yaml.Node, error) {
	authorities := list()
	for _, s := range group {
		authority, err := q.policyAuthority(r, s)
		if err != nil {
			return nil, err
		}
		authorities.Content = append(authorities.Content, authority)
	}
	mode := "enforce"
	if q.options.Audit {
		mode = "warn"
	}
	spec := object(
		at("images", globs(doubled(patterns(q.images)))),
		at("mode", text(mode)),
		at("authorities", authorities).said(r.told()),
	)
	return header("policy.sigstore.dev/v1beta1", "ClusterImagePolicy", q.options.name()+"-"+string(r.Kind)+suffix, spec), nil
}

// doubled: one * ends at a slash there.
func doubled(patterns []string) []string {
	all := make([]string, len(patterns))
	for i, p := range patterns {
		all[i] = strings.ReplaceAll(p, "*", "**")
	}
	return all
}

func (q request) policyAuthority(r requirement, s signer) (*yaml.Node, error) {
	members := []member{at("name", text(s.Name))}
	stored := "legacy"
	switch s.authority.Source {
	case trust.PublicKey, trust.KMS:
		if q.format == bundle {
			return nil, inexpressible(policyControllerEngine, "bundles by the key %s: it reads .sig and .att of keys alone", s.authority.Name).Hint("sign with signature-format both, and render for that")
		}
		key, err := q.policyKey(s.authority)
		if err != nil {
			return nil, err
		}
		members = append(members, at("key", key))
	case trust.Certificates:
		return nil, inexpressible(policyControllerEngine, "the authority %s, certificates of a CA without a Sigstore", s.authority.Name)
	default:
		keyless, err := q.policyKeyless(s)
		if err != nil {
			return nil, err
		}
		members = append(members, keyless...)
		switch {
		case q.format != legacy && verifiesBundles(s.authority):
			stored = "bundle"
		case q.format == bundle:
			return nil, inexpressible(policyControllerEngine, "the logs of the authority %s for bundles: it looks for them under other identifiers than bundles name, and finds none", s.authority.Name).
				Hint("sign with signature-format both, for which a Rekor v2 has no place, and render for that")
		}
	}
	members = append(members, at("signatureFormat", text(stored)))
	// With attestations, the signature itself is not looked at; without, any bundle counts as one.
	if r.Kind != trust.Signature || stored == "bundle" {
		members = append(members, at("attestations", list(object(
			at("name", text(string(r.Kind))),
			at("predicateType", text(r.predicateType)),
			at("policy", regoPolicy(r.conditions)),
		))))
	}
	return object(members...), nil
}

// verifiesBundles: policy-controller 0.15.1 gives the logs of a TrustRoot identifiers that are the hexadecimal text of their
// identifiers, so that no entry and no certificate in a bundle is found in one.
// https://github.com/sigstore/policy-controller/blob/v0.15.1/pkg/apis/config/sigstore_keys.go#L174
func verifiesBundles(a trust.Authority) bool {
	return a.Source != trust.TrustedRoot || a.WithoutLog && a.WithoutCTLog
}

func (q request) policyKey(a trust.Authority) (*yaml.Node, error) {
	if a.Source == trust.KMS {
		return object(at("kms", text(a.Value))), nil
	}
	key, err := keyOf(a, q.material)
	return object(at("data", textIf(key.pem)), at("hashAlgorithm", textIf(key.hash))), err
}

func (q request) policyKeyless(s signer) ([]member, error) {
	a := s.authority
	if s.CallerWorkflow.Given() || s.SourceRepository.Given() || s.SourceRef.Given() {
		return nil, inexpressible(policyControllerEngine, "the caller-workflow, source-repository and source-ref of the signer %s", s.Name)
	}
	address, ref := publicFulcio, ""
	var r root
	var err error
	if a.Source == trust.TrustedRoot {
		if r, err = rootOf(a, q.material); err != nil {
			return nil, err
		}
		address, ref = r.authorities[0].url, a.Name
	} else if a.WithoutLog {
		return nil, inexpressible(policyControllerEngine, "the authority %s, the public Sigstore without its log", a.Name)
	}
	if address == "" {
		return nil, outcome.New(outcome.InvalidInput, "the root of the authority %s names no address of its certificate authority, which policy-controller demands", a.Name)
	}
	log := at("ctlog", object(at("url", text(publicRekor))))
	switch {
	case a.WithoutLog:
		log = at("rfc3161timestamp", object(at("trustRootRef", text(ref))))
	case ref != "":
		if log, err = demandedLog(a, r, ref); err != nil {
			return nil, err
		}
	}
	return []member{at("keyless", object(
		at("url", text(address)),
		at("trustRootRef", textIf(ref)),
		at("insecureIgnoreSCT", flagIf(a.WithoutCTLog)),
		at("identities", list(object(append(identity("issuer", "issuerRegExp", s.Issuer), identity("subject", "subjectRegExp", s.Subject)...)...))),
	)), log}, nil
}

// demandedLog has an address, of which nothing is asked where a signature brings its entry. Without one policy-controller drops
// all of ctlog, the reference too, and demands no log.
// https://github.com/sigstore/policy-controller/blob/v0.15.1/pkg/apis/policy/v1alpha1/clusterimagepolicy_conversion.go#L249
func demandedLog(a trust.Authority, r root, ref string) (member, error) {
	for _, l := range known(r.logs) {
		if l.url != "" {
			return at("ctlog", object(at("url", text(l.url)), at("trustRootRef", text(ref)))), nil
		}
	}
	return member{}, inexpressible(policyControllerEngine, "the logs of the authority %s: it reads version 1 of Rekor alone, at an address", a.Name)
}

func (q request) policyControllerNotes() []string {
	notes := []string{
		"policy-controller looks at namespaces with the label policy.sigstore.dev/include=true alone: kubectl label namespace NAME policy.sigstore.dev/include=true" + labelled(q.options.Namespaces),
		"Of several statements of one type any is enough: an older accepted scan lets an image in beside a newer refused one.",
	}
	return append(append(notes, q.storedNotes()...), commonNotes()...)
}

// storedNotes say of which Sigstores the bundles are not read, where there could be some.
func (q request) storedNotes() (notes []string) {
	done := map[string]bool{}
	for _, r := range q.requirements {
		for _, s := range r.signers {
			if a := s.authority; q.format == both && !verifiesBundles(a) && !done[a.Name] {
				done[a.Name] = true
				notes = append(notes, fmt.Sprintf("Of the Sigstore %s .sig and .att tags are read alone, which a Rekor v2 has no place for: policy-controller 0.15 finds no log of a TrustRoot that a bundle names.", a.Name))
			}
		}
	}
	return notes
}

func labelled(namespaces []string) string {
	if len(namespaces) == 0 {
		return "."
	}
	return ", for " + strings.Join(namespaces, ", ") + "."
}
