package steps

import (
	"strings"

	"github.com/stepseal/stepseal/internal/licence"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/policyfile"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/step"
)

// The inputs that say what the gate accepts.
var (
	reportOnInput = step.Parsed(step.Declaration{Name: "report-on", Placeholder: "SEVERITY", Default: "negligible", Section: "gate", Choices: policy.Limits(),
		Usage: "the lowest severity that reports show, apart from what refuses: critical, high, medium, low, negligible or never; scan.json has everything"}, policy.ParseLimit)
	exploitedInput = step.Switch(step.Declaration{Name: "fail-on-known-exploited", Section: "gate",
		Usage: "let findings that are known to be exploited refuse the image, whatever their severity"})
	epssInput = step.Parsed(step.Declaration{Name: "fail-on-epss", Placeholder: "PROBABILITY", Section: "gate",
		Usage: "the EPSS probability of exploitation, such as 0.1, from which on a finding refuses the image, whatever its severity"}, policy.ParseProbability)
	graceInput = step.Parsed(step.Declaration{Name: "grace", Placeholder: "DAYS", Section: "gate", Repeats: true,
		Usage: "for how long after its fix came out a finding does not refuse yet: 14d, or by severity high=14d,medium=30d; known exploited ones get none"}, policy.ParseGrace)
	scopeInput = step.Parsed(step.Declaration{Name: "scope", Placeholder: "SCOPE", Default: "all", Section: "gate", Choices: []string{"all", "own"},
		Usage: "whose layers' findings refuse: all, or own for those above the base image, which --base-image names"}, policy.ParseScope)
	newOnlyInput = step.Switch(step.Declaration{Name: "new-only", Section: "gate",
		Usage: "let only findings refuse the image that the baseline (--baseline or --baseline-image) does not have"})
	deniedPackagesInput = step.Parsed(step.Declaration{Name: "denied-packages", Placeholder: "PACKAGE", Section: "gate", Repeats: true,
		Usage: "a package that must not be there, by name or package URL, with a range of versions if only those are meant: \"log4j-core < 2.17.1\"; * stands for any characters"}, parseDenials)
	deniedLicensesInput = step.Parsed(step.Declaration{Name: "denied-licenses", Placeholder: "LICENSE", Section: "gate", Repeats: true,
		Usage: "an SPDX license that no package may force on its user, such as AGPL-3.0-only, or AGPL-* for all that begin so"}, parseLicenses)
	requiredLicensesInput = step.Parsed(step.Declaration{Name: "required-licenses", Placeholder: "LICENSE", Section: "gate", Repeats: true,
		Usage: "the SPDX licenses of which every package must be usable under one; a package that names none is refused"}, parseLicenses)
	minimumElementsInput = step.Text(step.Declaration{Name: "minimum-elements", Placeholder: "STANDARD", Section: "gate", Choices: []string{"ntia-2021", "cisa-2025"},
		Usage: "the minimum elements that the SBOM must have: ntia-2021 or cisa-2025"})
	baseImageInput = step.Text(step.Declaration{Name: "base-image", Placeholder: "REF", Section: "gate",
		Usage: "the image that this one was built from, to tell its layers from the own ones"})
	baselineInput = step.Text(step.Declaration{Name: "baseline", Placeholder: "SOURCE", Section: "gate",
		Usage: "an earlier scan to compare with: scan.json, evidence.json or the folder with it, or attested:REF for the newest scan that --public-key signed on that image"})
	baselineImageInput = step.Text(step.Declaration{Name: "baseline-image", Placeholder: "REF", Section: "gate",
		Usage: "an image to compare with, such as the base image or the last release; it is scanned too"})
	vexInput = step.List(step.Declaration{Name: "vex", Placeholder: "FILE", Section: "gate",
		Usage: "a VEX document (OpenVEX, CycloneDX or CSAF) whose statements count, or attested for those that --public-key signed on the image"})
	policyBaseInput = step.Text(step.Declaration{Name: "policy-base", Placeholder: "FILE",
		Usage: "a config file with rules that hold besides the repository's own, which can tighten them and not loosen them"})

	waiversStructure = step.Structured(step.Declaration{Name: "waivers", Schema: policyfile.WaiversSchema,
		Usage: "findings that somebody answers for until a day: a list of id, package, reason, owner, expires, and perhaps image and path"}, policyfile.Waivers)
	exceptionsStructure = step.Structured(step.Declaration{Name: "exceptions", Section: "gate", Schema: policyfile.ExceptionsSchema,
		Usage: "other rules for some findings: a list of ecosystem, path or package, with fail-on, fail-on-known-exploited, fail-on-epss, only-fixed or grace; the first that fits counts"}, policyfile.Exceptions(sbom.Ecosystems()...))
	delegateStructure = step.Structured(step.Declaration{Name: "delegate", Section: "gate", Schema: `{"type": "array", "items": {"enum": ["waivers", "vex", "baseline", "base-image"]}}`,
		Usage: "in a policy base: what the repository may bring itself that excuses findings under the base's rules too, of waivers, vex, baseline and base-image"}, policyfile.Words(delegateWaivers, delegateVEX, delegateBaseline, delegateBaseImage))
)

// ruling are the inputs that say what the gate accepts, in the order in which a summary shows them.
var ruling = []step.Input{failOnInput, reportOnInput, reportsInput, onlyFixedInput, exploitedInput, epssInput, graceInput, scopeInput, baseImageInput, newOnlyInput, baselineInput,
	baselineImageInput, vexInput, deniedPackagesInput, deniedLicensesInput, requiredLicensesInput, minimumElementsInput, allowUncoveredInput, allowEmptyInput,
	policyBaseInput}

// structures are what only the config file can say about that.
var structures = []step.Declaration{waiversStructure.Declaration(), exceptionsStructure.Declaration(), delegateStructure.Declaration()}

func parseDenials(text string) ([]policy.Denial, error) {
	var all []policy.Denial
	for part := range strings.FieldsFuncSeq(joinedRanges(text), func(r rune) bool { return r == ';' || r == '\n' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		denial, err := policy.ParseDenial(part)
		if err != nil {
			return nil, err
		}
		all = append(all, denial)
	}
	return all, nil
}

// joinedRanges parts the list at its commas, but for those within a range of versions: "a >= 1.0, < 1.4, b".
func joinedRanges(text string) string {
	var joined strings.Builder
	for _, part := range strings.Split(text, ",") {
		switch first := strings.TrimSpace(part); {
		case first == "":
			continue
		case joined.Len() == 0:
		case strings.ContainsAny(first[:1], "<>=!~^"):
			joined.WriteByte(',')
		default:
			joined.WriteByte(';')
		}
		joined.WriteString(part)
	}
	return joined.String()
}

// What a policy base may leave to the repository: what excuses findings under the base's rules too.
const (
	delegateWaivers   = "waivers"
	delegateVEX       = "vex"
	delegateBaseline  = "baseline"
	delegateBaseImage = "base-image" // which layers are its own, for a base with scope: own
)

func parseLicenses(text string) ([]string, error) {
	var all []string
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	_, err := licence.NewSet(all)
	return all, err
}
