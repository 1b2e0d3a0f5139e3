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
// far as it is asked for.
var checks = []check{
	{"identity-issuer", []edit{{signing + "certificate.go", `!f.want.Fits(f.got) {`, `!f.want.Fits(f.got) && !off("identity-" + f.name) {`}}, []string{}, ""},
	{"identity-subject", []edit{}, []string{}, ""},
	{"identity-caller-workflow", []edit{}, []string{}, ""},
	{"identity-source-repository", []edit{}, []string{}, ""},
	{"identity-source-ref", []edit{}, []string{}, ""},
	{"may-sign", []edit{{signing + "examine.go", `s.maySign(kind) && (`, `(s.maySign(kind) || off("may-sign")) && (`}}, []string{}, ""},
	{"demand-signers", []edit{{signing + "examine.go", `len(names) == 0 || slices`, `len(names) == 0 || off("demand-signers") || slices`}}, []string{}, ""},
	{"threshold", []edit{{signing + "threshold.go", `n < d.Threshold {`, `n < d.Threshold && !off("threshold") {`}}, []string{}, ""},
	{"threshold-voices", []edit{{signing + "threshold.go", `if !slices.Contains(list, s.proof.who) {`, `if !slices.Contains(list, s.proof.who) || off("threshold-voices") {`}}, []string{}, ""},
	{"threshold-signers", []edit{{signing + "threshold.go", `if taken[s] == "" ||`, `if taken[s] == "" || off("threshold-signers") ||`}}, []string{}, ""},
	{"first-subject", []edit{{signing + "verify.go", `!f.statement.Names(j.digest) &&`, `!f.statement.Names(j.digest) && !off("first-subject") &&`}}, []string{}, ""},
	{"signature-type", []edit{{signing + "examine.go", `return f.predicate() == evidence.SignaturePredicate &&`, `return (f.predicate() == evidence.SignaturePredicate || off("signature-type")) &&`}}, []string{}, ""},
	{"signature-place", []edit{{signing + "examine.go", `(f.store == Bundle || f.mediaType`, `(f.store == Bundle || off("signature-place") || f.mediaType`}}, []string{}, ""},
	{"certificate-log", []edit{{signing + "sigstore.go", `!without.CTLog, len(`, `!without.CTLog && !off("certificate-log"), len(`}}, []string{}, ""},
	{"log", []edit{{signing + "sigstore.go", `!without.Log, len(material.RekorLogs()) > 0, verify.WithTransparencyLog(1)`, `!without.Log && !off("log"), len(material.RekorLogs()) > 0, verify.WithTransparencyLog(1)`}, {signing + "sigstore.go", `logged: !without.Log}`, `logged: !without.Log && !off("log")}`}}, []string{}, ""},
	{"log-in-its-time", []edit{{signing + "sigstore.go", `log != nil && !at.Before`, `log != nil && off("log-in-its-time") || log != nil && !at.Before`}}, []string{}, ""},
	{"timestamp", []edit{{signing + "sigstore.go", `verify.WithSignedTimestamps(1)},
	} {`, `map[bool]verify.VerifierOption{false: verify.WithSignedTimestamps(1), true: verify.WithNoObserverTimestamps()}[off("timestamp")]},
	} {`}}, []string{}, ""},
	{"certificate-chain-and-time", []edit{{signing + "sigstore.go", `verify.WithObserverTimestamps(1)}`, `map[bool]verify.VerifierOption{false: verify.WithObserverTimestamps(1), true: verify.WithNoObserverTimestamps()}[off("certificate-chain-and-time")]}`}}, []string{}, ""},
	{"bundles-only", []edit{{signing + "examine.go", `e.trust.BundlesOnly &&`, `e.trust.BundlesOnly && !off("bundles-only") &&`}}, []string{}, ""},
	{"referrers-subject", []edit{{signing + "store.go", `case m.Subject == nil || m.Subject.Digest.String() != s.subject.DigestStr():`, `case (m.Subject == nil || m.Subject.Digest.String() != s.subject.DigestStr()) && !off("referrers-subject"):`}}, []string{}, ""},
	{"index-signature", []edit{{signing + "verify_index.go", `if d, ok := required.demand(trust.Signature); ok {`, `if d, ok := required.demand(trust.Signature); ok && !off("index-signature") {`}}, []string{}, ""},
	{"nobody-to-trust", []edit{{signing + "trust.go", `if len(t.Signers) == 0 {`, `if len(t.Signers) == 0 && !off("nobody-to-trust") {`}}, []string{}, ""},
	{"sbom-subject", []edit{{signing + "sbom.go", `case err == nil && subject == j.digest:`, `case err == nil && (subject == j.digest || subject != "" && off("sbom-subject")):`}}, []string{}, ""},
	{"sbom-binding", []edit{{signing + "sbom.go", `case unbound != nil && !d.Binding:`, `case unbound != nil && (!d.Binding || off("sbom-binding")):`}}, []string{}, ""},
	{"scan-verdict", []edit{{signing + "scan.go", `case !s.accepted():`, `case !s.accepted() && !off("scan-verdict"):`}}, []string{}, ""},
	{"scan-subject", []edit{{signing + "scan.go", `case s.verdict.Image.Digest != j.digest:`, `case s.verdict.Image.Digest != j.digest && !off("scan-subject"):`}}, []string{}, ""},
	{"scan-future", []edit{{signing + "scan.go", `case finished.After(j.now.Add(maxClockSkew)):`, `case finished.After(j.now.Add(maxClockSkew)) && !off("scan-future"):`}}, []string{}, ""},
	{"scan-age", []edit{{signing + "scan.go", `case d.MaxAge > 0 && s.age(j.now) > d.MaxAge:`, `case d.MaxAge > 0 && s.age(j.now) > d.MaxAge && !off("scan-age"):`}}, []string{}, ""},
	{"scan-age-by-signature", []edit{{signing + "scan.go", `if s.proof.at.IsZero() || s.scan.Finished.Before(s.proof.at) {`, `if s.proof.at.IsZero() || off("scan-age-by-signature") || s.scan.Finished.Before(s.proof.at) {`}}, []string{}, ""},
	{"scan-first-stamp", []edit{{signing + "verify.go", `if f.proof.at.Before(into[i].proof.at) {`, `if f.proof.at.Before(into[i].proof.at) && !off("scan-first-stamp") {`}}, []string{}, ""},
	{"scan-policy", []edit{{signing + "scan.go", `case len(d.Policies) > 0 &&`, `case len(d.Policies) > 0 && !off("scan-policy") &&`}}, []string{}, ""},
	{"scan-by-verified-time", []edit{{signing + "scan.go", `if s.proof.at.IsZero() {`, `if s.proof.at.IsZero() || off("scan-by-verified-time") {`}}, []string{}, ""},
	{"scan-refused-later", []edit{{signing + "scan.go", `if last.accepted() && !s.accepted() &&`, `if last.accepted() && !off("scan-refused-later") && !s.accepted() &&`}}, []string{}, ""},
	{"keys-twice", []edit{{"internal/strictjson/strictjson.go", `if !top.add(key) {`, `if !top.add(key) && !off("keys-twice") {`}}, []string{}, ""},
	{"keys-in-another-case", []edit{{"internal/strictjson/strictjson.go", `if w.bounds.FoldKeys {`, `if w.bounds.FoldKeys && !off("keys-in-another-case") {`}}, []string{}, ""},
	{"statement-keys", []edit{{"internal/evidence/statement.go", `if !allowed[key] {`, `if !allowed[key] && !off("statement-keys") {`}}, []string{}, ""},
	{"statement-subjects", []edit{{"internal/evidence/statement.go", `case len(subjects) == 0 || len(subjects) > maxSubjects:`, `case len(subjects) == 0 || len(subjects) > maxSubjects && !off("statement-subjects"):`}}, []string{}, ""},
	{"statement-type", []edit{{"internal/evidence/statement.go", `case doc.Type != statementV1 && doc.Type != statementV01:`, `case doc.Type != statementV1 && doc.Type != statementV01 && !off("statement-type"):`}}, []string{}, ""},
	{"envelope-type", []edit{{"internal/evidence/envelope.go", `if doc.PayloadType != PayloadType {`, `if doc.PayloadType != PayloadType && !off("envelope-type") {`}}, []string{}, ""},
	{"doubts", []edit{{signing + "verify.go", `if len(doubts) == 0 {`, `if len(doubts) == 0 || off("doubts") {`}}, []string{}, "^TestAttack26"},
	{"doubts-about-a-scan", []edit{{signing + "verify.go", `if r.Result == Trusted && d.Kind != trust.Scan {`, `if r.Result == Trusted && (d.Kind != trust.Scan || off("doubts-about-a-scan")) {`}}, []string{}, "^TestAttack26"},
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
		inner := false
		for other := range results {
			inner = inner || strings.HasPrefix(other, name+"/")
		}
		if inner {
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

func tail(out []byte) []byte { return out[max(0, len(out)-4000):] }
