package steps

import (
	"context"

	"github.com/stepseal/stepseal/internal/admission"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/trust"
)

var (
	policyKindInput = step.Parsed(step.Declaration{Name: "kind", Placeholder: "KIND", Choices: kindNames(),
		Usage: "what is to judge: kyverno (ClusterPolicy), kyverno-image-validating (ImageValidatingPolicy), policy-controller (ClusterImagePolicy) or validating-admission-policy (Kubernetes' own, of names and digests alone)"}, admission.ParseKind)
	policyImagesInput = step.List(step.Declaration{Name: "images", Placeholder: "GLOB",
		Usage: "which images the policy is about: names with * for any text, such as registry.example.com/team/*"})
	policyNamespacesInput = step.List(step.Declaration{Name: "namespaces", Placeholder: "NAMESPACE",
		Usage: "in which namespaces pods are looked at; without it everywhere"})
	policyNameInput = step.Text(step.Declaration{Name: "policy-name", Placeholder: "NAME", Default: "stepseal",
		Usage: "the name of the policy in the cluster"})
	policyAuditInput = step.Switch(step.Declaration{Name: "audit",
		Usage: "let the engine report what it would refuse, and let it in"})
	outputInput = step.Text(step.Declaration{Name: "output", Placeholder: "FILE",
		Usage: "where to write what is made; without it to standard output"})
)

func kindNames() []string {
	var names []string
	for _, kind := range admission.Kinds {
		names = append(names, string(kind))
	}
	return names
}

// PolicyRender writes a trust section as a policy for a cluster's admission engine.
func PolicyRender() *step.Spec {
	what := policyKindInput.AsRequired()
	return &step.Spec{
		Name:    "policy render",
		Summary: "Write the trust section as an admission policy for Kyverno, policy-controller or Kubernetes",
		Prose: `Reads the trust section of the file that --config names, with the keys, trusted roots and certificates that it names, and writes it as a policy of the kind, so that a cluster runs what verify would accept. Nothing is contacted; the same section gives the same bytes.

Each engine can say less than a trust section. What it does not notice is told, and heads the policy; where leaving it out would let in what verify refuses and nothing else stops, nothing is rendered. docs/admission.md compares the engines, and says how each is installed.`,
		Examples: []step.Example{
			{Text: "for Kyverno", Command: "stepseal policy render kyverno-image-validating --config trust.yaml --images 'registry.example.com/team/*' --output policy.yaml"},
			{Text: "so that nothing else runs", Command: "stepseal policy render validating-admission-policy --config trust.yaml --images 'registry.example.com/team/*'"},
		},
		Inputs: inputs([]step.Input{what, required(configInput), required(policyImagesInput), policyNamespacesInput, policyNameInput,
			policyAuditInput, signatureFormatInput, outputInput}, speaking),
		Argument:   what,
		Structures: []step.Declaration{trustStructure.Declaration()},
		Run:        renderPolicy,
	}
}

func renderPolicy(ctx context.Context, r *step.Run) error {
	section := trustStructure.Of(r)
	if len(section.Authorities) == 0 {
		return noTrustSection(r)
	}
	material, err := newReader(r).material(ctx, section)
	if err != nil {
		return err
	}
	options := admission.Options{Images: policyImagesInput.Of(r), Namespaces: policyNamespacesInput.Of(r), Name: policyNameInput.Of(r), Audit: policyAuditInput.Of(r)}
	if r.Given(signatureFormatInput) {
		options.Format = string(signatureFormatInput.Of(r))
	}
	policy, err := admission.Render(policyKindInput.Of(r), section, material, options)
	if err != nil {
		return err
	}
	for _, note := range policy.Notes {
		r.Note("%s", note)
	}
	if file := outputInput.Of(r); file != "" {
		return r.WriteFile(file, policy.Document)
	}
	if _, err := r.Stdout.Write(policy.Document); err != nil {
		return outcome.New(outcome.OutputUnwritable, "standard output").Because(err)
	}
	return nil
}

// material is what lies in the files of the authorities. Each is read as verify reads it first, so that what verify could
// not use is not rendered.
func (f *resolver) material(ctx context.Context, section trust.Section) (admission.Material, error) {
	m := admission.Material{Sources: map[string][]byte{}, TimestampAuthorities: map[string][]byte{}}
	for _, a := range section.Authorities {
		if a.Source == trust.PublicSigstore || a.Source == trust.KMS { // the engine knows it, or asks for the key itself
			continue
		}
		if a.Source == trust.TUFMirror {
			return m, outcome.New(outcome.InvalidInput, "authority %s: its trusted root comes by TUF, and a policy holds it as it is in a file", a.Name).
				Hint("render with a section that names its trusted_root.json as trusted-root")
		}
		var err error
		if a.Source.Keyless() {
			_, err = f.sigstore(ctx, a)
		} else {
			_, err = f.key(ctx, a)
		}
		if err != nil {
			return m, err
		}
		if m.Sources[a.Name], err = f.file(a, a.Value); err != nil {
			return m, err
		}
		if a.TimestampAuthority == "" {
			continue
		}
		if m.TimestampAuthorities[a.Name], err = f.file(a, a.TimestampAuthority); err != nil {
			return m, err
		}
	}
	return m, nil
}
