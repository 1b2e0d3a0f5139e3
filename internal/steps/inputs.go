package steps

import (
	"slices"

	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

// The inputs that several steps share. An input means the same in every step.
var (
	imageInput = step.Parsed(step.Declaration{Name: "image", Placeholder: "REF",
		Usage: "the image: a registry reference (tag, digest or tag@digest), oci-layout:PATH[:TAG], docker-archive:PATH[:REF], docker:REF, or dir:PATH"}, image.Parse)
	registryImageInput = step.Parsed(step.Declaration{Name: "image", Placeholder: "REF",
		Usage: "the image: a registry reference (tag, digest or tag@digest)"}, parseRegistryReference)
	platformInput = step.Parsed(step.Declaration{Name: "platform", Placeholder: "OS/ARCH",
		Usage: "one platform, os/architecture[/variant]; of an index every platform is worked on if none is named"}, image.ParsePlatform)
	allowForeignInput = step.Switch(step.Declaration{Name: "allow-foreign-layers", Section: "registry",
		Usage: "go on without the layers that registries do not hand on, such as those of Windows base images"})
	insecureInput = step.List(step.Declaration{Name: "insecure-registry", Placeholder: "HOST", Section: "registry",
		Usage: "a registry host that may be spoken to by plain HTTP; loopback always may"})
	authorityInput = step.KeyMaterial(step.Declaration{Name: "certificate-authority", Placeholder: "FILE", Section: "registry",
		Usage: "a PEM file with a certificate authority to trust for registries and the database server"}, outcome.InvalidInput, maxAuthority)
	registryUsernameInput = step.Text(step.Declaration{Name: "registry-username", Placeholder: "NAME", Section: "registry", With: "registry-password",
		Usage: "the user to log in as at the registry of --image, before any other login is looked for"})
	registryPasswordInput = step.Password(step.Declaration{Name: "registry-password", With: "registry-username",
		Usage: "the password or token of registry-username"})
	githubTokenInput = step.Password(step.Declaration{Name: "github-token", Host: "github",
		Usage: "the token of the job, for images on ghcr.io and for looking whether a pull request changes the config file"})

	outputDirectoryInput = step.Text(step.Declaration{Name: "output-directory", Placeholder: "DIR", Default: "stepseal-out",
		Usage: "the folder for the documents and evidence.json"})
	evidenceRepositoryInput = step.Parsed(step.Declaration{Name: "evidence-repository", Placeholder: "REPOSITORY",
		Usage: "where evidence and its documents are put as an OCI artefact too, for a step on another machine: a repository, or image for the image's own"}, parseEvidenceRepository)
	outputsInput = step.Text(step.Declaration{Name: "outputs", Placeholder: "FILE",
		Usage: "where to write the outputs: JSON if the name ends in .json, else dotenv"})
	summaryInput = step.Text(step.Declaration{Name: "summary", Placeholder: "FILE",
		Usage: "where to write a summary in Markdown"})
	configInput = step.Text(step.Declaration{Name: "config", Placeholder: "FILE",
		Usage: "the config file; generate-sbom, scan-gate, sign-attest and secure-image read .stepseal.yaml in the working directory if none is named"})
	evidenceInput = step.Parsed(step.Declaration{Name: "evidence", Placeholder: "PATH",
		Usage: "what earlier steps found: evidence.json, the folder with it, or oci:REPOSITORY@sha256:... for what lies in a registry (the output evidence-reference of the earlier step)"}, parseEvidence)
	evidenceDigestInput = step.Parsed(step.Declaration{Name: "evidence-digest", Placeholder: "DIGEST",
		Usage: "the digest that evidence.json must have (the output evidence-digest of the earlier step)"}, parseDigest)
	outputsOfInput = step.Text(step.Declaration{Name: "outputs-of", Placeholder: "JSON",
		Usage: "the outputs of an earlier step as JSON, such as GitHub's toJSON(needs.JOB.outputs): image, evidence and evidence-digest are taken from them where they are not given"})
	quietInput  = step.Switch(step.Declaration{Name: "quiet", Usage: "say only how it ended"})
	formatInput = step.Text(step.Declaration{Name: "log-format", Placeholder: "FORMAT", Choices: []string{"text", "json"}, Default: "text",
		Usage: "how to speak on standard error"})

	// scan-gate takes more of the same than sign-attest.
	sbomDeclaration = step.Declaration{Name: "sbom", Placeholder: "FILE",
		Usage: "an SBOM to go by instead of the evidence's or the image's content; sign-attest takes a file in CycloneDX JSON, scan-gate CycloneDX (JSON, XML), SPDX (JSON, tag-value) or syft JSON of whatever tool, and from-attestation for the one that --public-key signed on the image, or from-image for the unsigned one that BuildKit left in the index"}
	sbomFileInput    = step.Parsed(sbomDeclaration, file(outcome.SBOMUnreadable))
	scannedSBOMInput = step.Parsed(sbomDeclaration, parseSBOMSource)
	scanFileInput    = step.Parsed(step.Declaration{Name: "scan", Placeholder: "FILE",
		Usage: "a scan.json to go by instead of the evidence's"}, file(outcome.EvidenceUnusable))

	failOnInput = step.Parsed(step.Declaration{Name: "fail-on", Placeholder: "SEVERITY", Default: "high", Section: "gate", Choices: policy.Limits(),
		Usage: "the lowest severity that refuses the image: critical, high, medium, low, negligible or never"}, policy.ParseLimit)
	onlyFixedInput = step.Switch(step.Declaration{Name: "only-fixed", Section: "gate",
		Usage: "let only findings with a fix refuse the image"})
	allowUncoveredInput = step.List(step.Declaration{Name: "allow-uncovered", Placeholder: "TYPE", Section: "gate",
		Usage: "a kind of package or a distribution release that the database may know nothing about, as the report names it; distribution for one that is not known, unreadable for package data that cannot be read, UnknownPackage for what is of no kind, epss or known-exploited for what a rule asks and it holds nothing of"})
	allowEmptyInput = step.Switch(step.Declaration{Name: "allow-empty", Section: "gate",
		Usage: "accept an image in which no package was found"})
	databaseInput = step.Text(step.Declaration{Name: "database", Placeholder: "PATH", Section: "database",
		Usage: "the advisory database: an archive (.tar.gz, .tar.zst), a vulnerability.db, or a folder holding one; nothing is downloaded then"})
	databaseURLInput = step.Parsed(step.Declaration{Name: "database-url", Placeholder: "URL", Section: "database", Repeats: true,
		Usage: "where the database is downloaded from instead of Grype's public place: a latest.json, or the folder above v6/latest.json; of several, the first that serves counts"}, parseMirrors)
	databaseAgeInput = step.Duration(step.Declaration{Name: "max-database-age", Default: "120h", Section: "database",
		Usage: "how old the advisory data may be: the older of the build and the newest advisory counts; 0 allows any age"})

	keyInput = step.KeyMaterial(step.Declaration{Name: "key", Placeholder: "FILE", Section: "sign", Secret: true,
		Usage: "the private key to sign with: a cosign key, PKCS#8, EC or PKCS#1 in PEM; without it the trust section's sign-with says as who"}, outcome.KeyUnusable, maxKey)
	keyPasswordInput = step.Password(step.Declaration{Name: "key-password",
		Usage: "the password of the private key"})
	signatureFormatInput = step.Parsed(step.Declaration{Name: "signature-format", Placeholder: "FORMAT", Default: "both", Section: "sign",
		Choices: []string{"bundle", "legacy", "both"},
		Usage:   "how signatures are stored: bundle (Sigstore bundles as OCI referrers), legacy (.sig and .att tags) or both"}, signing.ParseFormat)
	requireScanInput = step.Switch(step.Declaration{Name: "require-scan", Default: "true", Section: "sign",
		Usage: "sign only an image whose scan says accepted"})

	publicKeyInput = step.KeyMaterial(step.Declaration{Name: "public-key", Placeholder: "FILE", Section: "verify",
		Usage: "the public key that must have signed, in PEM"}, outcome.KeyUnusable, maxKey)
	requireInput = step.Parsed(step.Declaration{Name: "require", Placeholder: "LIST", Default: "signature,sbom,scan", Section: "verify", Repeats: true,
		Usage: "what the image must carry: signature, sbom, scan"}, parseRequire)
	maxScanAgeInput = step.Parsed(step.Declaration{Name: "max-scan-age", Placeholder: "DURATION", Section: "verify",
		Usage: "how old the newest scan may be, by the time that its signer claims; unset allows any age"}, parseAge)
	sbomBindingInput = step.Switch(step.Declaration{Name: "require-sbom-binding", Section: "verify",
		Usage: "refuse an SBOM that does not say itself which image it describes"})
)

// maxAuthority and maxKey bound the files of certificates and of a key.
const (
	maxAuthority = 16 << 20
	maxKey       = 1 << 20
)

// The groups that steps are put together from.
var (
	speaking  = []step.Input{quietInput, formatInput}
	reporting = []step.Input{outputDirectoryInput, evidenceRepositoryInput, outputsInput, summaryInput, configInput}
	handOver  = []step.Input{evidenceInput, evidenceDigestInput, outputsOfInput}
	reaching  = []step.Input{platformInput, insecureInput, authorityInput, registryUsernameInput, registryPasswordInput, githubTokenInput}
	gating    = append(slices.Clone(ruling), databaseInput, databaseURLInput, databaseAgeInput, providerAgeInput, databaseKeyInput, databaseSizeInput, offlineInput)
	signingIn = []step.Input{keyInput, keyPasswordInput, identityTokenInput, identityTokenPathInput, signatureFormatInput, requireScanInput}
	verifying = []step.Input{requireInput, maxScanAgeInput, sbomBindingInput}
)

func inputs(groups ...[]step.Input) []step.Input { return slices.Concat(groups...) }

func parseRegistryReference(text string) (image.Reference, error) {
	ref, err := image.Parse(text)
	if err == nil && !ref.InRegistry() {
		return image.Reference{}, outcome.New(outcome.UnsupportedSource, "%s is not in a registry, where signatures live", text).
			Hint("push it first")
	}
	return ref, err
}
