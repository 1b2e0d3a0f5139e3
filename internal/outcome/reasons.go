package outcome

// Reason names why a run ended as it did. It is stable: pipelines branch on it.
type Reason string

// Row is one line of the table of reasons.
type Row struct {
	Reason  Reason
	Ending  Ending
	Meaning string // one sentence, for docs/reasons.md
	Hint    string // what to do about it, where the error itself does not say
}

// The reasons. Each has a row in Table and at least one transcript under cmd/stepseal.
const (
	// Asked wrongly; nothing was contacted.
	InvalidInput          Reason = "invalid-input"
	InvalidConfig         Reason = "invalid-config"
	UnsupportedSource     Reason = "unsupported-source"
	KeyUnusable           Reason = "key-unusable"
	WrongPassword         Reason = "wrong-password"
	TrustUnusable         Reason = "trust-unusable"
	SBOMUnreadable        Reason = "sbom-unreadable"
	VEXUnreadable         Reason = "vex-unreadable"
	EvidenceUnusable      Reason = "evidence-unusable"
	AdvisoryUnusable      Reason = "advisory-unusable"
	UntrustedEvent        Reason = "untrusted-event"
	IdentityTokenMissing  Reason = "identity-token-missing"
	IdentityTokenUnusable Reason = "identity-token-unusable"

	// It worked and the answer is no.
	Vulnerable           Reason = "vulnerable"
	DeniedPackage        Reason = "denied-package"
	DeniedLicense        Reason = "denied-license"
	SBOMIncomplete       Reason = "sbom-incomplete"
	EvidenceChanged      Reason = "evidence-changed"
	EvidenceOtherImage   Reason = "evidence-other-image"
	SBOMOtherImage       Reason = "sbom-other-image"
	SBOMUnbound          Reason = "sbom-unbound"
	ScanOtherImage       Reason = "scan-other-image"
	ScanRefused          Reason = "scan-refused"
	ScanMissing          Reason = "scan-missing"
	ScanWithoutVerdict   Reason = "scan-without-verdict"
	ScanTooOld           Reason = "scan-too-old"
	ScanInFuture         Reason = "scan-in-future"
	SignatureMissing     Reason = "signature-missing"
	SignatureUntrusted   Reason = "signature-untrusted"
	AttestationMissing   Reason = "attestation-missing"
	AttestationUntrusted Reason = "attestation-untrusted"
	TooFewSigners        Reason = "too-few-signers"
	BuilderNotAccepted   Reason = "builder-not-accepted"
	SummaryFailed        Reason = "summary-failed"
	SummaryTooOld        Reason = "summary-too-old"
	PolicyNotAccepted    Reason = "policy-not-accepted"
	SignerNotTrusted     Reason = "signer-not-trusted"
	TrustExpired         Reason = "trust-expired"

	// Could not tell.
	Interrupted          Reason = "interrupted"
	Unexpected           Reason = "unexpected"
	OutputUnwritable     Reason = "output-unwritable"
	RegistryUnreachable  Reason = "registry-unreachable"
	RegistryUnauthorized Reason = "registry-unauthorized"
	RegistryForbidden    Reason = "registry-forbidden"
	RegistryBusy         Reason = "registry-busy"
	RegistryFailing      Reason = "registry-failing"
	DaemonUnavailable    Reason = "daemon-unavailable"
	ImageNotFound        Reason = "image-not-found"
	EvidenceNotFound     Reason = "evidence-not-found"
	PlatformNotFound     Reason = "platform-not-found"
	PlatformUnnamed      Reason = "platform-unnamed"
	NotAnImage           Reason = "not-an-image"
	ContentDamaged       Reason = "content-damaged"
	TooLarge             Reason = "too-large"
	MemoryTooSmall       Reason = "memory-too-small"
	DiskFull             Reason = "disk-full"
	CatalogueFailed      Reason = "catalogue-failed"
	EmptyCatalogue       Reason = "empty-catalogue"
	ForeignLayers        Reason = "foreign-layers"
	NotBasedOn           Reason = "not-based-on"
	NotCovered           Reason = "not-covered"
	DatabaseMissing      Reason = "database-missing"
	DatabaseDamaged      Reason = "database-damaged"
	DatabaseStale        Reason = "database-stale"
	DatabaseUnavailable  Reason = "database-unavailable"
	DatabaseUntrusted    Reason = "database-untrusted"
	ReferrersUnreadable  Reason = "referrers-unreadable"
	NoWritePermission    Reason = "no-write-permission"
	IdentityRefused      Reason = "identity-refused"
	SigstoreUnavailable  Reason = "sigstore-unavailable"
	SigstoreUntrusted    Reason = "sigstore-untrusted"

	KeyServiceUnavailable Reason = "key-service-unavailable"

	WriteLost Reason = "write-lost"

	IdentityTokenUnavailable Reason = "identity-token-unavailable"

	// Our bug.
	Panicked Reason = "panicked"
)

// Table is the one list of reasons, in the order of docs/reasons.md.
func Table() []Row { return table }

// Ending is what the table says; a reason without a row is Undecided.
func (r Reason) Ending() Ending { return r.row().Ending }

// Hint is the table's advice for the reason, empty where the message itself says all.
func (r Reason) Hint() string { return r.row().Hint }

func (r Reason) row() Row {
	for _, row := range table {
		if row.Reason == r {
			return row
		}
	}
	return Row{Reason: r, Ending: Undecided}
}

var table = []Row{
	{InvalidInput, Misused, "A flag, an environment variable or an argument is unknown, missing, or has a value that cannot be used. Every mistake is listed.", "stepseal STEP --help lists every input with its environment variable"},
	{InvalidConfig, Misused, "The config file is not valid: an unknown key, a wrong type, or broken YAML. Line and column are given.", "docs/configuration.md lists the keys, and docs/trust.md those of the trust section"},
	{UnsupportedSource, Misused, "The step cannot work on this kind of image source. Signing and verifying need an image in a registry.", "push the image first, then name it by its registry reference"},
	{KeyUnusable, Misused, "The key file cannot be read as a key, or is of a kind that is not accepted.", "ECDSA P-256 or P-384, RSA from 2048 bits and Ed25519 keys are accepted; stepseal keys generate makes a pair"},
	{WrongPassword, Misused, "The password does not open the private key.", "set STEPSEAL_KEY_PASSWORD, or name a file in STEPSEAL_KEY_PASSWORD_FILE"},
	{TrustUnusable, Misused, "A file that the trust section names cannot be used: a trusted root, a signing config, a key or a certificate.", "mend or replace the file that is named, or its path in the trust section; stepseal trust check looks at all of them"},
	{IdentityTokenMissing, Misused, "Signing without a key needs an identity token, and there is none: the host gives the job none, and none was handed over. It is never asked for by a browser or a code.", "let the job have one, or sign with a key"},
	{IdentityTokenUnusable, Misused, "The identity token that was handed over is no signed JSON web token, has expired, or is for another audience.", "hand over a fresh one of the audience sigstore"},
	{SBOMUnreadable, Misused, "The SBOM is not a document that can be read: damaged, of an unknown format, or beyond the bounds on size, depth and number of elements.", "CycloneDX (JSON, XML), SPDX 2 (JSON, tag-value) and syft JSON are read, in UTF-8"},
	{VEXUnreadable, Misused, "The VEX document cannot be read: damaged, of an unknown format or version, beyond the bounds, or a statement in it lacks what its specification demands.", "OpenVEX (0.0, 0.2), CycloneDX VEX (JSON, 1.4 to 1.7) and CSAF 2.0 of the category csaf_vex are read"},
	{EvidenceUnusable, Misused, "The evidence file, or a document that it names, cannot be read.", "hand on the whole output directory of the earlier step"},
	{AdvisoryUnusable, Misused, "A file given to `database build` is not an advisory record that can be read.", "OSV JSON files, folders of them, JSON lines, and the KEV catalogue are read"},
	{UntrustedEvent, Misused, "The workflow runs for a change that nobody has accepted, with the secrets and permissions of the repository (pull_request_target), so that whoever proposes the change could have anything signed.", "run sign-attest and secure-image on pull_request, push or a tag"},

	{Vulnerable, Refused, "The gate found vulnerabilities at or above the limit.", ""},
	{DeniedPackage, Refused, "The image holds a package that the rules deny.", "replace the package, or waive it for a time: stepseal waive denied-package --package NAME"},
	{DeniedLicense, Refused, "A package is under a licence that the rules deny, or under none that they require.", "replace the package, or waive it for a time: stepseal waive denied-license --package NAME"},
	{SBOMIncomplete, Refused, "The SBOM lacks minimum elements that the rules demand.", "make the SBOM from the image, or ask whoever made it for a complete one"},
	{EvidenceChanged, Refused, "The evidence, or a document that it names, is not what the earlier step wrote.", "run the earlier step again, and find out who changed the file"},
	{EvidenceOtherImage, Refused, "The evidence is about another image than the one in question.", "hand on the evidence of this digest"},
	{SBOMOtherImage, Refused, "The SBOM describes another image than the one in question.", "generate the SBOM from this digest"},
	{SBOMUnbound, Refused, "The SBOM does not say which image it describes, and binding is required.", "generate the SBOM with stepseal, or demand no binding (--require-sbom-binding, or evidence.sbom.binding in the trust section)"},
	{ScanOtherImage, Refused, "The scan was made of another image than the one in question.", "run scan-gate on this digest"},
	{ScanRefused, Refused, "The scan of this image does not say accepted.", "fix the findings and scan again"},
	{ScanMissing, Refused, "There is no scan of this image to go by.", "run scan-gate first and hand on its evidence, or set --require-scan=false"},
	{ScanWithoutVerdict, Refused, "The scan attestation was made by another tool and holds no verdict.", "attest a scan of stepseal's scan-gate, or demand none (--require, or evidence in the trust section)"},
	{ScanTooOld, Refused, "The newest trusted scan is older than allowed.", "scan and attest the image again"},
	{ScanInFuture, Refused, "The scan claims to have been made in the future.", "check the clocks of the machine that scanned and of this one"},
	{SignatureMissing, Refused, "The image carries no signature.", "sign it with sign-attest"},
	{SignatureUntrusted, Refused, "The image carries signatures, and none is by whom is trusted.", "check that this is the right key or trust section, and the right image; stepseal verify --explain says who signed"},
	{AttestationMissing, Refused, "The image carries no attestation of a required kind.", "attest it with sign-attest, or do not demand it (--require, or evidence in the trust section)"},
	{AttestationUntrusted, Refused, "The image carries attestations of a required kind, and none can be trusted.", "check that this is the right key or trust section, and that nobody changed the attestation; stepseal verify --explain says who signed"},
	{TooFewSigners, Refused, "Fewer signers than the trust section asks for have signed.", "have the others sign too, or lower the threshold in the trust section"},
	{BuilderNotAccepted, Refused, "The provenance names a builder that the trust section does not accept.", "build with one of evidence.provenance.builders, or add this builder there"},
	{SummaryFailed, Refused, "The newest verification summary of the image says that it failed.", "find out why with stepseal verify --explain, where the summary was made"},
	{SummaryTooOld, Refused, "The newest verification summary is older than allowed, or of the future.", "verify the image again where summaries are made"},
	{PolicyNotAccepted, Refused, "The scan was judged by rules that the trust section does not accept.", "scan with the accepted rules, or add the policy digest to evidence.scan.policies in the trust section"},
	{SignerNotTrusted, Refused, "The identity of this run is none whose word the trust section takes, so nothing was signed.", "run the workflow that the trust section names, or add this identity to its signers"},
	{TrustExpired, Refused, "Something that the trust section demands has ended or has not begun, or a service of the signing config has no counterpart in the trusted root, or signs by something that it does not hold.", "get the current trusted_root.json and signing_config.json of this Sigstore; stepseal trust doctor lists what ends when"},

	{Interrupted, Undecided, "The run was stopped by a signal or a deadline before it knew the answer.", "run it again"},
	{Unexpected, Undecided, "Something that the run relies on did not work: a disk, a file, a library.", ""},
	{OutputUnwritable, Undecided, "A result could not be written, so nobody could rely on it.", "name a place that can be written, with room for the files"},
	{RegistryUnreachable, Undecided, "The registry does not answer.", "check the name, the network and the proxy settings; plain HTTP off loopback needs --insecure-registry, a private CA --certificate-authority"},
	{RegistryUnauthorized, Undecided, "The registry wants a login (401).", "log in to the registry (docker login writes what stepseal reads), or set STEPSEAL_REGISTRY_USERNAME and STEPSEAL_REGISTRY_PASSWORD; stepseal registry explain REF says which login is used, and where it was looked for"},
	{RegistryForbidden, Undecided, "The registry knows the login and does not allow this (403).", "give the login the right to read this repository; stepseal registry explain REF says which login that is"},
	{RegistryBusy, Undecided, "The registry keeps answering that it is asked too often (429).", "log in for a higher limit, or wait"},
	{RegistryFailing, Undecided, "The registry fails (5xx), or its answer makes no sense.", "try again later"},
	{DaemonUnavailable, Undecided, "The Docker daemon cannot be reached, does not let this user in, or fails.", "start it, set DOCKER_HOST to where it listens, or write the image with docker save and name it by docker-archive:PATH"},
	{ImageNotFound, Undecided, "There is no such image: in the registry (404), the layout, the archive or the daemon.", "check the repository and the tag; some registries answer 404 where a login lacks rights"},
	{EvidenceNotFound, Undecided, "The registry has no such evidence, or not all of its documents (404).", "check the repository and the digest, and whether the earlier step pushed its evidence there; some registries answer 404 where a login lacks rights"},
	{PlatformNotFound, Undecided, "There is no image for the platform: not in the index, or the single image is for another.", "name a platform that there is with --platform, or leave it away for a single image"},
	{PlatformUnnamed, Undecided, "A document of one platform was handed in beside an index of several, and which of them it is about is not said.", "name the platform with --platform"},
	{NotAnImage, Undecided, "The reference names something that is not a container image.", "name an image or an image index"},
	{ContentDamaged, Undecided, "What was read is not what its digest or size says: cut short, changed, or undecodable.", "push the image again; if it happens again, the registry or a proxy before it is damaged"},
	{TooLarge, Undecided, "Something is larger than the bound for it.", ""},
	{MemoryTooSmall, Undecided, "Cataloguing the image needs more memory than there is: it would have been killed, so it was not begun, or ended in time.", "give the job more memory, or raise --memory-limit if there is more than was found"},
	{DiskFull, Undecided, "There is not enough room for the unpacked layers in the folder for temporary files.", "make room there, or set TMPDIR to a folder on a larger disk"},
	{CatalogueFailed, Undecided, "The content of the image could not be catalogued.", ""},
	{EmptyCatalogue, Undecided, "No package was found in the image, so there is nothing to judge it by.", "if the image is meant to hold none, set --allow-empty"},
	{ForeignLayers, Undecided, "The image has layers that registries do not hand on (foreign, non-distributable), so what is in them is not known.", "scan the image where its publisher offers those layers, or accept that they are not looked at with --allow-foreign-layers"},
	{NotBasedOn, Undecided, "The image does not begin with the layers of the base image that was named.", "name the base image by the digest that it was built from"},
	{NotCovered, Undecided, "The advisory database knows nothing about some of what is in the image, or some of its package data cannot be read, so silence about it means nothing.", "use a database that covers it, or accept the gap by name with --allow-uncovered"},
	{DatabaseMissing, Undecided, "There is no advisory database where one was expected.", "name one with --database, or allow the download with --database-url"},
	{DatabaseDamaged, Undecided, "The advisory database cannot be opened, or is not what its checksum says.", "fetch or build it again"},
	{DatabaseStale, Undecided, "The advisory data is older than allowed.", "update the database, or allow the age with --max-database-age"},
	{DatabaseUnavailable, Undecided, "The advisory database could not be downloaded.", "check --database-url and the network, or name a local one with --database"},
	{DatabaseUntrusted, Undecided, "The description of the advisory database (latest.json) is not signed by the key that was demanded, or the database is not the one that it describes.", "check that --database-key is the publisher's key, and sign with stepseal database build --sign-key"},
	{ReferrersUnreadable, Undecided, "The registry did not let the signatures be listed, so whether there are any is not known.", "give the login the right to read referrers and tags of this repository; on a registry that answers 405 sign with --signature-format legacy and verify with --require signature,sbom"},
	{IdentityTokenUnavailable, Undecided, "The service that gives out identity tokens does not answer, refuses, fails, or gives out what is none.", "try again later"},
	{NoWritePermission, Undecided, "The registry does not allow the signatures to be written.", "give the login the right to push to this repository"},
	{IdentityRefused, Undecided, "The certificate authority does not issue a certificate for this identity token.", "check that the authority trusts the issuer of the token, and that its audience is the one it expects"},
	{SigstoreUnavailable, Undecided, "A service that signing needs, or the TUF mirror with a Sigstore's trusted root, does not answer, or not as it should.", "check that the service runs and can be reached from here; the signing config names it"},
	{SigstoreUntrusted, Undecided, "What the certificate authority, the log or the timestamp authority made does not verify under the trusted root, or what a TUF mirror serves does not under its own.", "check that trusted root and signing config are of the same Sigstore, and that both are current"},
	{KeyServiceUnavailable, Undecided, "The key management service does not answer, does not let this run in, has no such key, or gives what does not verify.", "check the reference of the key, the credentials of this run and its network; signing needs the right to read the public key and to sign"},
	{WriteLost, Undecided, "What was written to the registry could not be read back.", "run sign-attest again: it adds only what is missing"},

	{Panicked, Internal, "stepseal itself failed: a bug.", "please report it with the lines above"},
}
