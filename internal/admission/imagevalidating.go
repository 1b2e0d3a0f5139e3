package admission

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/stepseal/stepseal/internal/trust"
)

const imageValidatingEngine = "Kyverno's ImageValidatingPolicy"

// imageValidatingPolicy has one validation for each requirement, all of which must hold.
// https://kyverno.io/docs/policy-types/image-validating-policy/
func imageValidatingPolicy(q request) (rendering, error) {
	attestors, err := q.attestors()
	if err != nil {
		return rendering{}, err
	}
	attestations, validations := list(), list()
	for _, r := range q.requirements {
		expression, err := q.validation(r)
		if err != nil {
			return rendering{}, err
		}
		attestations.Content = append(attestations.Content, object(at("name", text(string(r.Kind))), at("intoto", object(at("type", text(r.predicateType))))))
		validations.Content = append(validations.Content, object(
			at("expression", text(expression)).said(r.told()),
			at("message", text("an image lacks "+r.noun()+" that the trust section takes")),
		))
	}
	action := "Deny"
	if q.options.Audit {
		action = "Audit"
	}
	spec := object(
		at("validationActions", texts([]string{action})),
		at("failurePolicy", text("Fail")).said("Signatures are looked at when a pod is admitted. An engine that cannot tell refuses."),
		at("webhookConfiguration", object(at("timeoutSeconds", number(30)))),
		at("evaluation", object(at("background", object(at("enabled", flag(false)))))),
		at("matchConstraints", object(
			at("resourceRules", list(podRule())),
			at("namespaceSelector", namespaceSelector("In", q.options.Namespaces)),
		)),
		at("matchImageReferences", globs(patterns(q.images))),
		at("validationConfigurations", object(at("mutateDigest", flag(!q.options.Audit)), at("verifyDigest", flag(true)), at("required", flag(true)))),
		at("attestors", attestors),
		at("attestations", attestations),
		at("validations", validations),
	)
	return rendering{[]*yaml.Node{header("policies.kyverno.io/v1", "ImageValidatingPolicy", q.options.name(), spec)}, q.imageValidatingNotes()}, nil
}

// podRule matches pods, and debug containers that join a running one: kubectl debug asks for the subresource, which a rule
// for pods alone does not match.
func podRule() *yaml.Node {
	return object(
		at("apiGroups", list(text(""))),
		at("apiVersions", texts([]string{"v1"})),
		at("operations", texts([]string{"CREATE", "UPDATE"})),
		at("resources", texts([]string{"pods", "pods/ephemeralcontainers"})),
	)
}

func namespaceSelector(operator string, namespaces []string) *yaml.Node {
	if len(namespaces) == 0 {
		return nil
	}
	return object(at("matchExpressions", list(object(
		at("key", text("kubernetes.io/metadata.name")),
		at("operator", text(operator)),
		at("values", texts(namespaces)),
	))))
}

func globs(patterns []string) *yaml.Node {
	n := list()
	for _, p := range patterns {
		n.Content = append(n.Content, object(at("glob", text(p))))
	}
	return n
}

// validation counts the signers whose statement is there and says what it must. Each is asked alone, so that conditions
// are looked up in what this signer signed: of several statements of a type the engine keeps one.
func (q request) validation(r requirement) (string, error) {
	names := make([]string, len(r.signers))
	for i, s := range r.signers {
		names[i] = "attestors[" + celText(s.Name) + "]"
	}
	check := fmt.Sprintf("verifyAttestationSignatures(image, attestations[%s], [signer]) > 0", celText(string(r.Kind)))
	if q.format == legacy {
		if err := legacyValidation(r); err != nil {
			return "", err
		}
		if r.Kind == trust.Signature {
			check = "verifyImageSignatures(image, [signer]) > 0"
		}
	}
	lines := []string{check}
	for _, c := range r.conditions {
		lines = append(lines, celCondition(fmt.Sprintf("extractPayload(image, attestations[%s])", celText(string(r.Kind))), c))
	}
	return fmt.Sprintf("(images.containers + images.initContainers + images.ephemeralContainers).all(image,\n  [%s].filter(signer,\n    %s\n  ).size() >= %d)\n",
		strings.Join(names, ", "), strings.Join(lines, " &&\n    "), r.Threshold), nil
}

// legacyValidation: an .att by a key that is in no log counts as unverified there, and of a .sig in no log the certificate must
// be good still, whatever a timestamp says.
// https://github.com/kyverno/kyverno/blob/v1.19.1/pkg/image/verifiers/ivpol/cosign/verifier.go
func legacyValidation(r requirement) error {
	for _, s := range r.signers {
		if a := s.authority; a.Source == trust.TrustedRoot && a.WithoutLog || a.Source == trust.Certificates && a.TimestampAuthority != "" {
			return inexpressible(imageValidatingEngine, "the timestamps of %s in .sig and .att tags: it takes the time of a log alone", s.Name).Hint("sign with signature-format both or bundle, or render the kind kyverno")
		}
		if r.Kind != trust.Signature && (!s.authority.Source.Keyless() || withoutLog(s.authority)) {
			return inexpressible(imageValidatingEngine, "attestations by %s in .att tags: it takes those of a log alone", s.Name).Hint("sign with signature-format both or bundle, or render the kind kyverno")
		}
	}
	return nil
}

// celCondition looks at a member that need not be there.
func celCondition(payload string, c condition) string {
	value := payload + ".?predicate.?" + strings.Join(c.path, ".?") + `.orValue("")`
	switch {
	case c.subject:
		return fmt.Sprintf(`%s == "sha256:" + %s.subject[0].digest.sha256`, value, payload)
	case c.within > 0:
		age := "time.now() - timestamp(" + value + ")"
		return fmt.Sprintf("%s <= duration(%s) &&\n    %s >= duration(%s)", age, celText(seconds(c.within)), age, celText(seconds(-maxClockSkew)))
	case len(c.oneOf) == 1:
		return value + " == " + celText(c.oneOf[0])
	}
	return value + " in " + celTexts(c.oneOf)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int64(d/time.Second)) }

func (q request) imageValidatingNotes() []string {
	notes := []string{"Where an image has bundles they are read, and .sig and .att tags are not: sign with signature-format both or bundle."}
	if q.format == legacy {
		notes = []string{"The images must have no bundles: of one that has, .sig and .att tags are not read, and any statement counts as a signature, one that says a scan was refused too."}
	}
	for _, r := range q.requirements {
		if len(r.conditions) > 0 {
			notes = append(notes, fmt.Sprintf("Of several statements of the type %s by one signer the last in the registry's list is looked at, which need not be the newest.", r.Kind))
		}
		if r.Kind == trust.SBOM && r.Binding {
			notes = append(notes, "The SBOM must name the image's digest as its root component's version, as stepseal writes it: in a purl or a hash it does not count.")
		}
	}
	if q.keyless() {
		notes = append(notes, "For keyless signers Kyverno 1.19 fetches the public Sigstore's TUF repository, also where trustedRoot is given: it must reach it, or a mirror (cosign.tuf).")
	}
	return append(notes, commonNotes()...)
}

func (q request) keyless() bool {
	for _, r := range q.requirements {
		for _, s := range r.signers {
			if s.authority.Source.Keyless() {
				return true
			}
		}
	}
	return false
}
