package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// check is one thing that verification looks at. All of them can be switched off by name in one program, since building it
// takes longer than running it.
type check struct {
	name  string
	edits []edit
	tests []string // beginnings of the names of exactly those that must fail
	run   string   // which tests are run; empty: the quick ones
}

// edit is what the sources say where the check is, and what they say where off("NAME") can switch it off.
type edit struct{ file, from, to string }

const (
	verifier    = "internal/signing"
	signing     = verifier + "/"
	attackTests = "^TestAttack"
	slowAttacks = "^TestAttack(20|21Strangers|26|32)" // they wait for retries, or do much
)

// checks are those of package signing, and of the parsers that it goes by. What sigstore-go checks can be switched off as
// far as it is asked for: it takes no certificate without a time at which to verify it, nor without its chain.
var checks = []check{
	{"identity-issuer", []edit{{signing + "certificate.go", `!f.want.Fits(f.got) {`, `!f.want.Fits(f.got) && !off("identity-" + f.name) {`}}, []string{
		"TestAttack12LookalikeIdentity/an_issuer_",
		"TestAttack13WrongIdentity/the_right_workflow_by_another_issuer/"}, ""},
	{"identity-subject", []edit{}, []string{
		"TestAttack09FailedScan/a_stranger's_pass_alone",
		"TestAttack09FailedScan/a_stranger's_refusal_beside_a_pass",
		"TestAttack12LookalikeIdentity/a_branch_",
		"TestAttack12LookalikeIdentity/a_dot_",
		"TestAttack12LookalikeIdentity/a_repository_",
		"TestAttack12LookalikeIdentity/the_workflow_in_",
		"TestAttack13OneSignerForTwo/one_identity_under_two_names",
		"TestAttack13WrongIdentity/a_person/",
		"TestAttack13WrongIdentity/another_workflow_",
		"TestAttack13WrongIdentity/the_right_workflow_on_",
		"TestAttack13WrongIdentity/the_same_workflow_of_a_fork/",
		"TestAttack24VEXOfAnybody/by_a_stranger"}, ""},
	{"identity-caller-workflow", []edit{}, []string{
		"TestAttack13WrongIdentity/a_reusable_workflow,_called_by_another_one/"}, ""},
	{"identity-source-repository", []edit{}, []string{
		"TestAttack13WrongIdentity/a_reusable_workflow_that_anybody_called/",
		"TestAttack13WrongIdentity/a_token_that_names_no_repository/"}, ""},
	{"identity-source-ref", []edit{}, []string{
		"TestAttack13WrongIdentity/a_reusable_workflow,_called_on_a_branch/"}, ""},
	{"may-sign", []edit{{signing + "examine.go", `s.maySign(kind) && (`, `(s.maySign(kind) || off("may-sign")) && (`}}, []string{
		"TestAttack13TrustedWithSomethingElse/a_scan_by_whom_only_SBOMs",
		"TestAttack13TrustedWithSomethingElse/a_signature_by_whom_only_SBOMs",
		"TestAttack13TrustedWithSomethingElse/an_SBOM_by_whom_only_scans",
		"TestAttack24VEXOfAnybody/by_whom_scans_are_taken"}, ""},
	{"demand-signers", []edit{{signing + "examine.go", `len(names) == 0 || slices`, `len(names) == 0 || off("demand-signers") || slices`}}, []string{
		"TestAttack13TrustedWithSomethingElse/a_scan_by_another_than_is_asked_for"}, ""},
	{"threshold", []edit{{signing + "threshold.go", `n < d.Threshold {`, `n < d.Threshold && !off("threshold") {`}}, []string{
		"TestAttack13OneSignerForTwo/one_identity",
		"TestAttack13OneSignerForTwo/two_"}, ""},
	{"threshold-voices", []edit{{signing + "threshold.go", `if !slices.Contains(list, s.proof.who) {`, `if !slices.Contains(list, s.proof.who) || off("threshold-voices") {`}}, []string{
		"TestAttack13OneSignerForTwo/one_identity_under_two_names"}, ""},
	{"threshold-signers", []edit{{signing + "threshold.go", `if taken[s] == "" ||`, `if taken[s] == "" || off("threshold-signers") ||`}}, []string{
		"TestAttack13OneSignerForTwo/two_branches_of_one_signer"}, ""},
	{"first-subject", []edit{{signing + "verify.go", `!f.statement.Names(j.digest) &&`, `!f.statement.Names(j.digest) && !off("first-subject") &&`}}, []string{
		"TestAttack04CopiedFromAnotherImage",
		"TestAttack04CopiedKeylessSignature/beside_another_image",
		"TestAttack05SimpleSigningPayloads",
		"TestAttack06SecondSubject",
		"TestAttack06Subjects/an_empty_one_first",
		"TestAttack06Subjects/another_image",
		"TestAttack06Subjects/by_another_algorithm",
		"TestAttack06Subjects/by_name_alone",
		"TestAttack06Subjects/in_capitals",
		"TestAttack06Subjects/with_the_algorithm_in_front",
		"TestAttack24VEXOfAnybody/about_another_image"}, ""},
	{"signature-type", []edit{{signing + "examine.go", `return f.predicate() == evidence.SignaturePredicate &&`, `return (f.predicate() == evidence.SignaturePredicate || off("signature-type")) &&`}}, []string{
		"TestAttack02IndexSignedInPart/the_index_is_signed,_a_platform_is_not",
		"TestAttack04CopiedFromAnotherImage",
		"TestAttack08AttestationIsNoSignature",
		"TestAttack08KeylessAttestationIsNoSignature/three_attestations",
		"TestAttack09FailedScan/a_refused_scan_is_no_signature",
		"TestAttack10AnnotationsAreNotSigned/a_scan_that_is_called_a_signature"}, ""},
	{"signature-place", []edit{{signing + "examine.go", `(f.store == Bundle || f.mediaType`, `(f.store == Bundle || off("signature-place") || f.mediaType`}}, []string{
		"TestAttack08SignatureInThePlaceOfAttestations"}, ""},
	{"certificate-log", []edit{{signing + "sigstore.go", `!without.CTLog, len(`, `!without.CTLog && !off("certificate-log"), len(`}}, []string{
		"TestAttack16OutOfTime/after_the_end_of_the_ctlogs",
		"TestAttack17NoPromiseOfACertificateLog/no_log_either",
		"TestAttack17NoPromiseOfACertificateLog/no_promise/",
		"TestAttack17NoPromiseOfACertificateLog/the_promise_of_a_log_nobody_knows/"}, ""},
	{"log", []edit{{signing + "sigstore.go", `!without.Log, len(material.RekorLogs()) > 0, verify.WithTransparencyLog(1)`, `!without.Log && !off("log"), len(material.RekorLogs()) > 0, verify.WithTransparencyLog(1)`}, {signing + "sigstore.go", `logged: !without.Log}`, `logged: !without.Log && !off("log")}`}}, []string{
		"TestAttack15CertificateOfAnotherKind/with_the_certificate_of_somebody_trusted/",
		"TestAttack16OutOfTime/after_the_end_of_the_tlogs",
		"TestAttack18WrongLogEntry/Rekor_v1,_at_",
		"TestAttack18WrongLogEntry/Rekor_v1,_of_",
		"TestAttack18WrongLogEntry/Rekor_v1_says_when_it_was/",
		"TestAttack18WrongLogEntry/Rekor_v2,_of_",
		"TestAttack18WrongLogEntry/no_entry/",
		"TestAttack18WrongLogEntry/the_same_entry_twice/",
		"TestAttack19TimestampOfAStranger/beside_a_log/",
		"TestAttack22Downgrade/a_bundle_whose_log_entry",
		"TestAttack22Downgrade/the_same_in_the_form",
		"TestAttack24VEXOfAnybody/without_a_log_entry_left"}, ""},
	{"log-in-its-time", []edit{{signing + "sigstore.go", `log != nil && !at.Before`, `log != nil && off("log-in-its-time") || log != nil && !at.Before`}}, []string{
		"TestAttack16OutOfTime/after_the_end_of_the_tlogs"}, ""},
	{"bundles-only", []edit{{signing + "examine.go", `e.trust.BundlesOnly &&`, `e.trust.BundlesOnly && !off("bundles-only") &&`}}, []string{
		"TestAttack22Downgrade/cosign's_tags_by_"}, ""},
	{"referrers-subject", []edit{{signing + "store.go", `case m.Subject == nil || m.Subject.Digest.String() != s.subject.DigestStr():`, `case (m.Subject == nil || m.Subject.Digest.String() != s.subject.DigestStr()) && !off("referrers-subject"):`}}, []string{
		"TestAttack27ReferrerOfAnotherSubject/about_"}, ""},
	{"index-signature", []edit{{signing + "verify_index.go", `if d, ok := required.demand(trust.Signature); ok {`, `if d, ok := required.demand(trust.Signature); ok && !off("index-signature") {`}}, []string{
		"TestAttack02IndexSignedInPart/the_platforms_are_signed,_the_index_is_not"}, ""},
	{"nobody-to-trust", []edit{{signing + "trust.go", `if len(t.Signers) == 0 {`, `if len(t.Signers) == 0 && !off("nobody-to-trust") {`}}, []string{
		"TestAttack14NobodyToTrust"}, ""},
	{"sbom-subject", []edit{{signing + "sbom.go", `case err == nil && subject == j.digest:`, `case err == nil && (subject == j.digest || subject != "" && off("sbom-subject")):`}}, []string{
		"TestAttack07SBOMOfAnotherImage/another_image"}, ""},
	{"sbom-binding", []edit{{signing + "sbom.go", `case unbound != nil && !d.Binding:`, `case unbound != nil && (!d.Binding || off("sbom-binding")):`}}, []string{
		"TestAttack07SBOMOfAnotherImage/Kyverno's",
		"TestAttack07SBOMOfAnotherImage/unbound",
		"TestAttack07SBOMOfAnotherImage/versioned_SPDX"}, ""},
	{"scan-verdict", []edit{{signing + "scan.go", `case !s.accepted():`, `case !s.accepted() && !off("scan-verdict"):`}}, []string{
		"TestAttack09FailedScan/a_refused_scan_is_no_pass",
		"TestAttack09FailedScan/a_stranger's_pass_beside_it",
		"TestAttack31NewestScan/a_newer_refusal",
		"TestAttack31NewestScan/a_pass_that_was_signed_again",
		"TestAttack31NewestScan/a_refusal_that_is_newer",
		"TestAttack31NewestScan/an_older_pass",
		"TestAttack31NewestScan/the_same,",
		"TestAttack31PassStampedAgain/a_refusal"}, ""},
	{"scan-subject", []edit{{signing + "scan.go", `case s.verdict.Image.Digest != j.digest:`, `case s.verdict.Image.Digest != j.digest && !off("scan-subject"):`}}, []string{
		"TestAttack09FailedScan/a_pass_of_another_image"}, ""},
	{"scan-future", []edit{{signing + "scan.go", `case finished.After(j.now.Add(maxClockSkew)):`, `case finished.After(j.now.Add(maxClockSkew)) && !off("scan-future"):`}}, []string{
		"TestAttack23OldScan/of_tomorrow"}, ""},
	{"scan-age", []edit{{signing + "scan.go", `case d.MaxAge > 0 && s.age(j.now) > d.MaxAge:`, `case d.MaxAge > 0 && s.age(j.now) > d.MaxAge && !off("scan-age"):`}}, []string{
		"TestAttack23OldScan/old"}, ""},
	{"scan-age-by-signature", []edit{{signing + "scan.go", `if s.proof.at.IsZero() || s.scan.Finished.Before(s.proof.at) {`, `if s.proof.at.IsZero() || off("scan-age-by-signature") || s.scan.Finished.Before(s.proof.at) {`}}, []string{
		"TestAttack23OldScan/old,_and_claims_to_be_young",
		"TestAttack23OldScan/old,_claims_to_be_young,_and_was_signed_again",
		"TestAttack31NewestScan/a_refusal_that_claims_to_be_of_the_future"}, ""},
	{"scan-first-stamp", []edit{{signing + "verify.go", `if f.proof.at.Before(into[i].proof.at) {`, `if f.proof.at.Before(into[i].proof.at) && !off("scan-first-stamp") {`}}, []string{
		"TestAttack23OldScan/old,_claims_to_be_young,_and_was_signed_again"}, ""},
	{"scan-policy", []edit{{signing + "scan.go", `case len(d.Policies) > 0 &&`, `case len(d.Policies) > 0 && !off("scan-policy") &&`}}, []string{
		"TestAttack09FailedScan/a_pass_by_a_policy_nobody_accepted"}, ""},
	{"scan-by-verified-time", []edit{{signing + "scan.go", `if s.proof.at.IsZero() {`, `if s.proof.at.IsZero() || off("scan-by-verified-time") {`}}, []string{
		"TestAttack31NewestScan/a_newer_refusal",
		"TestAttack31NewestScan/a_refusal_that_claims_to_be_of_the_future"}, ""},
	{"scan-refused-later", []edit{{signing + "scan.go", `if last.accepted() && !s.accepted() &&`, `if last.accepted() && !off("scan-refused-later") && !s.accepted() &&`}}, []string{
		"TestAttack31PassStampedAgain/a_refusal"}, ""},
	{"keys-twice", []edit{{"internal/strictjson/strictjson.go", `if !top.add(key) {`, `if !top.add(key) && !off("keys-twice") {`}}, []string{
		"TestAttack06Subjects/and_another_in_another_case",
		"TestAttack06Subjects/this_image_and_another_at_once",
		"TestAttack11Envelopes/the_payload_twice",
		"TestAttack11StatementsWithTwoReadings/an_escaped_key",
		"TestAttack11StatementsWithTwoReadings/the_predicate_twice",
		"TestAttack11StatementsWithTwoReadings/the_result_twice",
		"TestAttack11StatementsWithTwoReadings/the_subject_twice",
		"TestAttack11StatementsWithTwoReadings/the_type_twice",
		"TestAttack11StatementsWithTwoReadings/the_verdict_twice"}, ""},
	{"keys-in-another-case", []edit{{"internal/strictjson/strictjson.go", `if w.bounds.FoldKeys {`, `if w.bounds.FoldKeys && !off("keys-in-another-case") {`}}, []string{
		"TestAttack06Subjects/and_another_in_another_case"}, ""},
	{"statement-keys", []edit{{"internal/evidence/statement.go", `if !allowed[key] {`, `if !allowed[key] && !off("statement-keys") {`}}, []string{
		"TestAttack11StatementsWithTwoReadings/an_unknown_key",
		"TestAttack11StatementsWithTwoReadings/the_subject_in_another_case",
		"TestAttack11StatementsWithTwoReadings/the_type_in_another_case"}, ""},
	{"statement-subjects", []edit{{"internal/evidence/statement.go", `case len(subjects) == 0 || len(subjects) > maxSubjects:`, `case len(subjects) == 0 || len(subjects) > maxSubjects && !off("statement-subjects"):`}}, []string{
		"TestAttack06Subjects/2000_of_them"}, ""},
	{"statement-type", []edit{{"internal/evidence/statement.go", `case doc.Type != statementV1 && doc.Type != statementV01:`, `case doc.Type != statementV1 && doc.Type != statementV01 && !off("statement-type"):`}}, []string{
		"TestAttack11StatementsWithTwoReadings/another_type_of_statement"}, ""},
	{"envelope-type", []edit{{"internal/evidence/envelope.go", `if doc.PayloadType != PayloadType {`, `if doc.PayloadType != PayloadType && !off("envelope-type") {`}}, []string{
		"TestAttack11Envelopes/another_payload_type"}, ""},
	{"doubts", []edit{{signing + "verify.go", `if len(doubts) == 0 {`, `if len(doubts) == 0 || off("doubts") {`}}, []string{
		"TestAttack26NoneUntrustedUnreadable/401",
		"TestAttack26NoneUntrustedUnreadable/403",
		"TestAttack26NoneUntrustedUnreadable/429",
		"TestAttack26NoneUntrustedUnreadable/500",
		"TestAttack26NoneUntrustedUnreadable/503",
		"TestAttack26OneUnreadableDocumentIsADoubt/",
		"TestAttack26UnreadableReferrersAreNotNone/",
		"TestAttack26UnreadableTagsAreNotNone"}, "^TestAttack26"},
	{"doubts-about-a-scan", []edit{{signing + "verify.go", `if r.Result == Trusted && d.Kind != trust.Scan`, `if r.Result == Trusted && (d.Kind != trust.Scan || off("doubts-about-a-scan"))`}}, []string{
		"TestAttack26OneUnreadableDocumentIsADoubt/",
		"TestAttack26UnreadableReferrersAreNotNone/",
		"TestAttack26UnreadableTagsAreNotNone"}, "^TestAttack26"},
}

// sources changes each file once, for all checks.
func sources(all []check) (map[string]string, error) {
	changed := map[string]string{}
	for _, c := range all {
		for _, e := range c.edits {
			if _, ok := changed[e.file]; !ok {
				content, err := os.ReadFile(e.file)
				if err != nil {
					return nil, err
				}
				changed[e.file] = string(content)
			}
			if n := strings.Count(changed[e.file], e.from); n != 1 {
				return nil, fmt.Errorf("check %s: %q stands %d times in %s", c.name, e.from, n, e.file)
			}
			changed[e.file] = strings.Replace(changed[e.file], e.from, e.to, 1)
		}
	}
	return changed, nil
}

// buildChecks builds the tests of the verifier with every check behind a switch.
func buildChecks(work string) (program string, err error) {
	changed, err := sources(checks)
	if err != nil {
		return "", err
	}
	for file := range changed {
		name := filepath.Join(filepath.Dir(file), "switched_off.go")
		changed[name] = fmt.Sprintf("package %s\n\nimport \"os\"\n\nfunc off(check string) bool { return os.Getenv(%q) == check }\n", filepath.Base(filepath.Dir(file)), switchedOff)
	}
	replace := map[string]string{}
	for file, content := range changed {
		path, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		replace[path] = filepath.Join(work, strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(replace[path], []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	doc, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(work, "checks.json")
	if err := os.WriteFile(overlay, doc, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(work, "checks.test")
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, "./"+verifier).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
}

const switchedOff = "STEPSEAL_SWITCHED_OFF"

// runChecks switches off one after the other, two at a time.
func runChecks(work string, only []string) error {
	program, err := buildChecks(work)
	if err != nil {
		return err
	}
	errs := make([]error, len(checks)+1)
	_, failed, err := testChecks(program, check{})
	if len(failed) > 0 || err != nil {
		return errors.Join(fmt.Errorf("with every check %v fail", failed), err)
	}
	var running sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i, c := range checks {
		if len(only) > 0 && !slices.Contains(only, c.name) {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if errs[i] = c.verify(program); errs[i] == nil {
				fmt.Println("without", c.name, "exactly its tests fail")
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (c check) verify(program string) error {
	cases, failed, err := testChecks(program, c)
	if err != nil {
		return fmt.Errorf("without %s: %w", c.name, err)
	}
	var want []string
	unused := slices.Clone(c.tests)
	for _, name := range cases {
		for _, beginning := range c.tests {
			if strings.HasPrefix(name, beginning) {
				want = append(want, name)
				unused = slices.DeleteFunc(unused, func(one string) bool { return one == beginning })
				break
			}
		}
	}
	if len(want) == 0 || len(unused) > 0 || !slices.Equal(want, failed) {
		return fmt.Errorf("without %s: these tests fail:\n  %s\nand these should:\n  %s\n(there is no %q)", c.name, strings.Join(failed, "\n  "), strings.Join(want, "\n  "), unused)
	}
	return nil
}

var ended = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL): (\S+)`)

// testChecks gives the innermost tests, and of those the ones that failed.
func testChecks(program string, c check) (cases, failed []string, err error) {
	args := []string{"-test.v", "-test.timeout", "5m", "-test.run", attackTests, "-test.skip", slowAttacks}
	if c.run != "" {
		args = []string{"-test.v", "-test.timeout", "5m", "-test.run", c.run}
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = verifier
	cmd.Env = append(os.Environ(), switchedOff+"="+c.name)
	out, runErr := cmd.CombinedOutput()
	results := map[string]bool{}
	for _, found := range ended.FindAllSubmatch(out, -1) {
		results[string(found[2])] = string(found[1]) == "PASS"
	}
	for name, passed := range results {
		if outer, its := around(name, results); outer {
			if !passed && !its {
				return nil, nil, fmt.Errorf("%s fails outside of its cases", name)
			}
			continue
		}
		cases = append(cases, name)
		if !passed {
			failed = append(failed, name)
		}
	}
	slices.Sort(cases)
	slices.Sort(failed)
	if len(cases) == 0 || runErr != nil && len(failed) == 0 || bytes.Contains(out, []byte("\npanic: ")) {
		return nil, nil, fmt.Errorf("%w\n%s", runErr, tail(out))
	}
	return cases, failed, nil
}

// around says whether there are tests inside of the one, and whether one of them failed.
func around(name string, results map[string]bool) (outer, failed bool) {
	for other, passed := range results {
		if strings.HasPrefix(other, name+"/") {
			outer, failed = true, failed || !passed
		}
	}
	return outer, failed
}

func tail(out []byte) []byte { return out[max(0, len(out)-4000):] }
