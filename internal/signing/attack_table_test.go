package signing

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of attacks into docs/threat-model.md")

// attack is one way of getting an image accepted that should not be, and what stops it.
type attack struct {
	number int
	what   string
	check  string   // by which it is stopped
	tests  []string // PACKAGE.Test, or the name of a transcript
	gap    string   // what is not stopped, or not tested
}

// attacks are all that are known. docs/threat-model.md shows them, and every test that is named after an attack stands here.
var attacks = []attack{
	{1, "A tag moves between two reads", "a tag is resolved once, everything goes by digest, and a tag that moved is told", []string{"internal/image.TestAttack01TagMoves", "tag_moves.txtar"}, ""},
	{2, "An index is signed and a platform in it is not, or the other way round", "an index and every platform must be signed, and each carries its own evidence", []string{"internal/signing.TestAttack02IndexSignedInPart", "index.txtar"}, ""},
	{3, "A registry lies about a digest or a size", "every manifest, layer and document is compared with the digest and size that led to it", []string{"internal/image.TestAttack03BlobsThatAreOthers", "content_lies.txtar"}, ""},
	{4, "A good signature is copied from another image or repository", "the first subject must be this digest; the repository is a name, and the same digest is the same image", []string{"internal/signing.TestAttack04CopiedFromAnotherImage", "internal/signing.TestAttack04CopiedKeylessSignature", "internal/signing.TestAttack04SameImageElsewhere"}, ""},
	{5, "A payload of cosign's is about another image, or lacks its signature", "docker-manifest-digest and type are compared, strictly read", []string{"internal/signing.TestAttack05SimpleSigningPayloads"}, ""},
	{6, "A statement names several subjects, none, or the image in another way", "the first subject counts, by sha256 in lower case", []string{"internal/signing.TestAttack06Subjects", "internal/signing.TestAttack06SecondSubject"}, ""},
	{7, "An SBOM describes another image than its statement", "the digest inside the SBOM must not be another one, and with `binding` it must be there", []string{"internal/signing.TestAttack07SBOMOfAnotherImage"}, ""},
	{8, "An attestation is presented as a signature", "a signature has a predicate type of its own", []string{"internal/signing.TestAttack08AttestationIsNoSignature", "internal/signing.TestAttack08KeylessAttestationIsNoSignature", "internal/signing.TestAttack08SignatureInThePlaceOfAttestations"}, ""},
	{9, "A failed scan is presented as a signature or covered by a stranger's pass", "the verdict inside the scan counts, and only of trusted signers", []string{"internal/signing.TestAttack09FailedScan", "internal/signing.TestAttack09UntrustedScanDoesNotRevoke"}, ""},
	{10, "The annotation beside a statement says another type than the statement", "annotations decide nothing", []string{"internal/signing.TestAttack10AnnotationsAreNotSigned"}, ""},
	{11, "An envelope or a statement can be read in two ways", "keys that stand twice, in another case or unknown, and anything behind the document, are refused", []string{"internal/signing.TestAttack11Envelopes", "internal/signing.TestAttack11EnvelopesWithTwoReadings", "internal/signing.TestAttack11StatementsWithTwoReadings"}, ""},
	{12, "An identity looks like the trusted one", "exact texts, or expressions that are anchored and escaped, else the trust section is refused", []string{"internal/signing.TestAttack12LookalikeIdentity", "internal/trust.TestAttack12PatternThatFitsStrangersIsRefused"}, ""},
	{13, "The right subject by another issuer, on another ref, for another repository, or trusted with something else", "issuer, subject, caller-workflow, source-repository and source-ref are compared, then may-sign, the demand's signers and its threshold, and of provenance the builder and the source", []string{"internal/signing.TestAttack13WrongIdentity", "internal/signing.TestAttack13TrustedWithSomethingElse", "internal/signing.TestAttack13OneSignerForTwo", "internal/signing.TestAttack13ProvenanceOfAnotherBuild", "keyless.txtar"}, "what started the run (`pull_request_target`) is told and cannot be demanded"},
	{14, "Nobody is named to trust, or anybody", "a run without anybody to trust is misused, before anything is contacted", []string{"internal/signing.TestAttack14NobodyToTrust", "internal/trust.TestAMistakeIsToldWithItsPlace"}, ""},
	{15, "A certificate of a root of the attacker's, not for code, or with something critical that nobody knows", "the chain ends in the trusted root and nowhere else; what lies in the bundle is no root", []string{"internal/signing.TestAttack15CertificateOfAnotherKind"}, ""},
	{16, "A certificate, an intermediate, a log's or a timestamp authority's key is used out of its time", "the chain is verified at the time that a log or a timestamp authority vouches for, and their keys are held to their own time", []string{"internal/signing.TestAttack16OutOfTime"}, ""},
	{17, "A certificate is in no certificate transparency log", "a promise of a log in the trusted root is demanded", []string{"internal/signing.TestAttack17NoPromiseOfACertificateLog"}, ""},
	{18, "A log entry is of another artefact, of a stranger's log, without a proof, or counted twice", "the entry must be of this signature, certificate and payload, by a log in the trusted root", []string{"internal/signing.TestAttack18WrongLogEntry"}, ""},
	{19, "A timestamp is by a stranger", "timestamps count by an authority in the trusted root", []string{"internal/signing.TestAttack19TimestampOfAStranger"}, ""},
	{20, "Data without an end", "bytes, entries, time and memory are bounded", []string{"internal/signing.TestAttack20Floods", "internal/image.TestReferrersAreBounded", "internal/image.TestDrippingAnswersAreGivenUp", "cmd/stepseal.TestHostileImagesAreRefused", "cmd/stepseal.TestHostileStoresAreRefused"}, ""},
	{21, "Strangers put their own beside the image", "it hides nothing and counts for nothing", []string{"internal/signing.TestAttack21GarbageHidesNothing", "internal/signing.TestAttack21StrangersBundlesBesideKeylessOnes", "foreign_beside.txtar"}, ""},
	{22, "The weaker form is served alone, or the stronger one with something taken away", "what must be there is said by the trust, never by the data", []string{"internal/signing.TestAttack22Downgrade"}, ""},
	{23, "An old scan is kept and a newer one withheld", "`max-age`, by the older of the claim and the verified time", []string{"internal/signing.TestAttack23OldScan", "internal/signing.TestScans"}, "a newer scan that the registry withholds cannot be seen until `max-age` is over"},
	{24, "A VEX document of anybody excuses findings", "it counts by a signer who may sign `vex`, for this image and product", []string{"internal/signing.TestAttack24VEXOfAnybody", "complaint_vex_of_anybody.txtar", "vex.txtar"}, ""},
	{25, "A verification summary is of another image, verifier or policy, or says no", "resource, verifier, policy, result and age are compared, and the newest by verified time counts", []string{"internal/signing.TestAttack25VerificationSummaries", "verify_summary.txtar"}, ""},
	{26, "Nothing, nothing trusted and nothing readable look alike", "three reasons; what could not be read never counts as absent", []string{"internal/signing.TestAttack26NoneUntrustedUnreadable", "internal/signing.TestAttack26UnreadableReferrersAreNotNone", "internal/signing.TestAttack26UnreadableTagsAreNotNone", "internal/signing.TestAttack26OneUnreadableDocumentIsADoubt"}, ""},
	{27, "The registry lists what refers to another image", "the subject in the referrer's own manifest counts", []string{"internal/signing.TestAttack27ReferrerOfAnotherSubject"}, ""},
	{28, "The environment names other roots or another repository", "nothing of Sigstore's own tools is read from the environment", []string{"attack_28_environment.txtar"}, ""},
	{29, "A trusted root is replaced, empty, or leads elsewhere", "it is read strictly, with a bound, and without an authority it is refused", []string{"internal/signing.TestAttack29TrustedRootsThatCannotBeUsed", "attack_29_trusted_root.txtar"}, "whoever can change the file that --config names decides whom to trust"},
	{30, "Names are commands, outputs, escape sequences or Markdown", "everything from outside is made harmless where it is shown", []string{"internal/signing.TestAttack30NothingForeignIsPrintedRaw", "internal/host/actions.TestNoLineOfTheLogIsACommand", "internal/report.TestTheSummaryOfAnyScanKeepsItsShape", "internal/host/tekton.TestHostileValuesNeverLoseTheVerdict", "github_hostile.txtar"}, ""},
	{31, "An older pass claims to be newer than a refusal, or is stamped again", "the newest by verified time counts, unless a refusal was made later", []string{"internal/signing.TestAttack31NewestScan", "internal/signing.TestAttack31PassStampedAgain"}, ""},
	{32, "Two writers undo each other, or one is killed half way", "what was written is read back once others have had the time to undo it, and written again", []string{"internal/signing.TestAttack32ConcurrentWriters", "internal/signing.TestAttack32LostWritesAreRepeated", "internal/signing.TestAttack32WritesThatStayLost", "cmd/stepseal.TestHostileKillsOfSigning", "write_lost.txtar"}, "a writer that takes longer between reading and writing than the wait can still undo another; the next run finds out and writes again"},
	{33, "A pull request brings the waiver that it needs", "it is told before anything else; a policy base does not move, and trust names the policies that it accepts", []string{"internal/step.TestAttack33RulesThatAChangeBrings", "attack_33_waiver_of_its_own.txtar"}, "without a policy base or accepted policies such a change passes, and is told"},
	{34, "A checkout says whom to trust", "the trust section counts in a file that was named, and that it does not is told", []string{"internal/step.TestAttack34TrustInACheckout", "attack_34_trust_in_a_checkout.txtar"}, ""},
}

// TestEveryAttackHasATest reads the sources: a test that is renamed or gone is noticed, and so is one that the table forgot.
func TestEveryAttackHasATest(t *testing.T) {
	named := map[string]bool{}
	for i, a := range attacks {
		if a.number != i+1 || a.what == "" || len(a.tests) == 0 && a.gap == "" || (a.check == "") != (len(a.tests) == 0) {
			t.Errorf("attack %d is not whole: %+v", i+1, a)
		}
		for _, test := range a.tests {
			named[test] = true
			if !exists(t, test) {
				t.Errorf("attack %d: there is no %s", a.number, test)
			}
		}
	}
	for _, test := range namedAfterAttacks(t) {
		if !named[test] {
			t.Errorf("%s is not in the table", test)
		}
	}
}

func exists(t *testing.T, test string) bool {
	t.Helper()
	if strings.HasSuffix(test, ".txtar") {
		var found int
		for _, folder := range []string{"testdata", "internal/transcripts/*"} {
			scripts, err := filepath.Glob(filepath.Join("../../cmd/stepseal", folder, test))
			if err != nil {
				t.Fatal(err)
			}
			found += len(scripts)
		}
		return found == 1
	}
	folder, name, _ := strings.Cut(test, ".")
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool { return strings.Contains(read(t, file), "\nfunc "+name+"(") })
}

// namedAfterAttacks are the tests and transcripts of the whole tree that have the number of an attack in their name.
func namedAfterAttacks(t *testing.T) []string {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (TestAttack\d\d\w*)\(`)
	var list []string
	for _, tree := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if strings.HasPrefix(filepath.Base(path), "attack_") && strings.HasSuffix(path, ".txtar") {
				list = append(list, filepath.Base(path))
			}
			if strings.HasSuffix(path, "_test.go") {
				for _, found := range function.FindAllStringSubmatch(read(t, path), -1) {
					folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")
					list = append(list, folder+"."+found[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

const threatModel = "../../docs/threat-model.md"

// TestTheThreatModelShowsEveryAttack compares the page's table with the one here; -update writes it.
func TestTheThreatModelShowsEveryAttack(t *testing.T) {
	const head, foot = "## Attacks and what stops them\n", "\n## What stepseal cannot see\n"
	checks := checksOf(t)
	before, rest, ok := strings.Cut(read(t, threatModel), head)
	_, after, there := strings.Cut(rest, foot)
	if !ok || !there {
		t.Fatalf("%s has not the sections %q and %q", threatModel, head, foot)
	}
	page := before + head + tableOf(attacks, checks) + foot + after
	if *update {
		if err := os.WriteFile(threatModel, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if page != read(t, threatModel) {
		t.Errorf("the table is not the one here: go test ./internal/signing -run TestTheThreatModel -update")
	}
}

func tableOf(list []attack, checks map[int][]string) string {
	var b strings.Builder
	b.WriteString("\n| | attack | what stops it | checks | tests | left |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, a := range list {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", a.number, a.what, a.check, code(checks[a.number]), code(a.tests), a.gap)
	}
	return b.String()
}

func code(names []string) string {
	var list []string
	for _, name := range names {
		list = append(list, "`"+name+"`")
	}
	return strings.Join(list, ", ")
}
