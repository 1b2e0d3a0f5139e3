package admission

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/trust"
)

const (
	publicRekor  = "https://rekor.sigstore.dev"
	githubIssuer = "https://token.actions.githubusercontent.com"
	githubServer = "https://github.com/"
)

// clusterEntry is one signer. A key per entry: of several in one, attestations are looked at with the first.
func (q request) clusterEntry(s signer, reads string) (*yaml.Node, error) {
	var key publicKey
	var err error
	switch s.authority.Source {
	case trust.PublicKey:
		if key, err = keyOf(s.authority, q.material); err != nil {
			return nil, err
		}
	case trust.KMS:
		if err := unsubstituted(s.authority.Value, false); err != nil {
			return nil, err
		}
	default:
		return q.keylessEntry(s, reads)
	}
	members := []member{at("publicKeys", textIf(key.pem)), at("signatureAlgorithm", textIf(key.hash))}
	if s.authority.Source == trust.KMS {
		members = []member{at("kms", text(s.authority.Value))}
	}
	// Without these two Kyverno asks the public instance for its log, and finds no entry.
	members = append(members, at("rekor", object(at("ignoreTlog", flag(true)))), at("ctlog", object(at("ignoreSCT", flag(true)))))
	return object(at("keys", object(members...))), nil
}

func (q request) keylessEntry(s signer, reads string) (*yaml.Node, error) {
	if s.authority.Source != trust.PublicSigstore && reads == bundleType {
		return nil, inexpressible(clusterPolicyEngine, "the root of the authority %s for bundles: it verifies them with the public Sigstore's, or its own --tufRoot", s.authority.Name).
			Hint("render kyverno-image-validating, or sign with signature-format both and render for that")
	}
	for _, p := range []trust.Pattern{s.Issuer, s.Subject, s.SourceRepository, s.SourceRef} {
		if err := unsubstituted(p.Exact()+p.Expression(), false); err != nil {
			return nil, err
		}
	}
	extensions, err := s.extensions(reads)
	if err != nil {
		return nil, err
	}
	instance, err := q.clusterInstance(s.authority)
	if err != nil {
		return nil, err
	}
	members := append(unwild("issuer", "issuerRegExp", s.Issuer), unwild("subject", "subjectRegExp", s.Subject)...)
	members = append(members, at("additionalExtensions", extensions))
	return object(at("keyless", object(append(members, instance...)...))), nil
}

// unwild: an exact text is a pattern with wildcards to Kyverno, so that one with such characters becomes an expression.
func unwild(exact, expression string, p trust.Pattern) []member {
	if strings.ContainsAny(p.Exact(), "*?") {
		return []member{at(expression, text("^"+regexp.QuoteMeta(p.Exact())+"$"))}
	}
	return identity(exact, expression, p)
}

func identity(exact, expression string, p trust.Pattern) []member {
	return []member{at(exact, textIf(p.Exact())), at(expression, textIf(p.Expression()))}
}

// extensions are what a certificate says of where the code is from. Kyverno reads GitHub's own alone, those of before
// Fulcio had general ones, and of .sig and .att alone.
// https://github.com/sigstore/fulcio/blob/v1.8.7/docs/oid-info.md
func (s signer) extensions(reads string) (*yaml.Node, error) {
	if !s.CallerWorkflow.Given() && !s.SourceRepository.Given() && !s.SourceRef.Given() {
		return nil, nil
	}
	repository, onGitHub := strings.CutPrefix(s.SourceRepository.Exact(), githubServer)
	ref := s.SourceRef.Exact()
	switch {
	case s.CallerWorkflow.Given():
		return nil, inexpressible(clusterPolicyEngine, "the caller-workflow of the signer %s", s.Name)
	case reads == bundleType:
		return nil, inexpressible(clusterPolicyEngine, "the source-repository and source-ref of the signer %s for bundles", s.Name)
	case s.Issuer.Exact() != githubIssuer, s.SourceRepository.Given() && !onGitHub, s.SourceRef.Given() && ref == "", strings.ContainsAny(repository+ref, "*?"):
		return nil, inexpressible(clusterPolicyEngine, "the source-repository and source-ref of the signer %s: it compares exact texts of GitHub's alone", s.Name)
	}
	return object(at("githubWorkflowRepository", textIf(repository)), at("githubWorkflowRef", textIf(ref))), nil
}

// clusterInstance is where the word of a keyless authority can be checked.
func (q request) clusterInstance(a trust.Authority) ([]member, error) {
	if a.Source == trust.PublicSigstore {
		if a.WithoutLog {
			return nil, inexpressible(clusterPolicyEngine, "the authority %s, the public Sigstore without its log", a.Name)
		}
		return []member{at("rekor", object(at("url", text(publicRekor)))), at("ctlog", objectIf(at("ignoreSCT", flagIf(a.WithoutCTLog))))}, nil
	}
	r, err := rootOf(a, q.material)
	if err != nil {
		return nil, err
	}
	var roots strings.Builder
	for _, c := range r.authorities {
		roots.WriteString(c.pem())
	}
	ctlog, err := clusterCTLog(a, r)
	if err != nil {
		return nil, err
	}
	rekor, err := clusterRekor(a, r)
	return []member{at("roots", text(roots.String())), at("rekor", rekor), at("ctlog", ctlog)}, err
}

// withoutLog: a plain CA has none either.
func withoutLog(a trust.Authority) bool { return a.WithoutLog || a.Source == trust.Certificates }

// withoutCTLog: what is true of the log is true of the other.
func withoutCTLog(a trust.Authority) bool { return a.WithoutCTLog || a.Source == trust.Certificates }

func clusterRekor(a trust.Authority, r root) (*yaml.Node, error) {
	if withoutLog(a) {
		// The address is demanded beside a root, and nothing is asked of it.
		return object(at("url", text(publicRekor)), at("ignoreTlog", flag(true))), nil
	}
	for _, l := range r.logs {
		if l.ecdsa && l.url != "" {
			return object(at("url", text(l.url)), at("pubkey", text(l.key))), nil
		}
	}
	return nil, inexpressible(clusterPolicyEngine, "the logs of the authority %s: it reads version 1 of Rekor alone", a.Name)
}

func clusterCTLog(a trust.Authority, r root) (*yaml.Node, error) {
	var key, timestamps string
	if !withoutCTLog(a) {
		if len(r.ctLogs) == 0 {
			return nil, inexpressible(clusterPolicyEngine, "the authority %s, whose root holds no certificate transparency log", a.Name)
		}
		key = r.ctLogs[0].key
	}
	if withoutLog(a) && len(r.timestamps) > 0 {
		timestamps = r.timestamps[0].pem()
	}
	if a.WithoutLog && timestamps == "" {
		return nil, inexpressible(clusterPolicyEngine, "the authority %s, whose root holds neither a log nor a timestamp authority that it could use", a.Name)
	}
	return objectIf(at("ignoreSCT", flagIf(withoutCTLog(a))), at("pubkey", textIf(key)), at("tsaCertChain", textIf(timestamps))), nil
}
