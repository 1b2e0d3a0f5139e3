// Mutants takes each rule of the gate away in turn and demands that exactly the tests of that rule fail: all of
// TestRules/<rule>/..., and no other of TestRules. A rule that nothing tests, and a test that tests no rule, are errors.
// It does the same with each check of the verification and the tests that are named after attacks; see checks.go.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is the package without one rule.
type mutant struct{ rule, file, from, to string }

var mutants = []mutant{
	{"fail-on", "judge.go", "case r.FailOn.Reached(f.Weight()):", "case false:"},
	{"fail-on-known-exploited", "judge.go", "case r.FailOnKnownExploited && f.KnownExploited:", "case false:"},
	{"fail-on-epss", "judge.go", "case r.FailOnEPSS > 0 && f.EPSS >= r.FailOnEPSS:", "case false:"},
	{"only-fixed", "judge.go", "r.OnlyFixed && !f.Fix.Available()", "false"},
	{"grace", "judge.go", "today <= last", "false"},
	{"scope", "judge.go", "if r.Scope != OwnLayers || !found.inBase(f.Locations) {", "if true {"},
	{"exceptions", "rules.go", "if !e.fits(f) {", "if true {"},
	{"new-only", "judge.go", "if p.Rules.NewOnly && p.Baseline != nil && !isNew {", "if false {"},
	{"waivers", "judge.go", "if w == nil || w.Expired(today) {", "if true {"},
	{"waiver-expiry", "judge.go", "if w == nil || w.Expired(today) {", "if w == nil {"},
	{"waiver-complete", "excuses.go", "if !p.unusable[i] && w.about(", "if w.about("},
	{"waiver-package", "waiver.go", "w.Package.Matches(of) &&", "true &&"},
	{"waiver-image", "waiver.go", `(w.Images == "" || glob(w.Images, image) || glob(w.Images, strings.Split(image, "@")[0]))`, "true"},
	{"waiver-path", "waiver.go", `(w.Path == "" || everywhere(w.Path, places))`, "true"},
	{"vex", "judge.go", "if s, ok := p.statement(f, found.Subject); ok {", "if s, ok := p.statement(f, found.Subject); ok && false {"},
	{"vex-status", "excuses.go", "return newest, newest.Status.Suppresses()", "return newest, newest.Status != 0"},
	{"vex-newest", "statement.go", "a.Time.Compare(b.Time), cmp.Compare(doubt(a), doubt(b))", "cmp.Compare(doubt(b), doubt(a)), a.Time.Compare(b.Time)"},
	{"vex-product", "statement.go", "return p.Covers(image, f.Package.PURL)", "return true"},
	{"denied-packages", "violation.go", `denial != ""`, `denial != "" && false`},
	{"denied-licenses", "violation.go", "if len(r.DeniedLicenses) == 0 {", "if true {"},
	{"required-licenses", "violation.go", "if len(r.RequiredLicenses) == 0 {", "if true {"},
	{"minimum-elements", "violation.go", `if p.Rules.MinimumElements != "" && len(found.Lacking) > 0 {`, "if false {"},
	{"coverage", "decide.go", "case len(d.Uncovered()) > 0 || found.Packages > 0 && lookedUp == 0:", "case lookedUp < 0 || len(unrated(found.Unrated, policies)) > 0:"},
	{"ratings", "decide.go", "d.Coverage = append(d.Coverage, unrated(found.Unrated, policies)...)", ""},
	{"allow-uncovered", "decide.go", "c.Accepted = !c.Covered && ", "c.Accepted = false && "},
	{"unreadable", "decide.go", "case len(d.Unreadable) > 0:", "case false:"},
	{"empty-catalogue", "decide.go", "case empty:", "case empty && false:"},
	{"allow-empty", "decide.go", "!p.Rules.AllowEmpty })", "true })"},
	{"policy-base", "decide.go", "for _, p := range policies[1:] {", "for _, p := range policies[:0] {"},
}

const folder = "internal/policy"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(only []string) error {
	work, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	return errors.Join(runRules(work, only), runChecks(work, only))
}

func runRules(work string, only []string) error {
	cases, failed, err := test("")
	if err != nil || len(failed) > 0 {
		return errors.Join(fmt.Errorf("without a mutant %v fail", failed), err)
	}
	rules := map[string]bool{}
	var wrong []error
	for _, m := range mutants {
		rules[m.rule] = true
		if len(only) > 0 && !slices.Contains(only, m.rule) {
			continue
		}
		if err := m.check(work, cases); err != nil {
			wrong = append(wrong, fmt.Errorf("without %s: %w", m.rule, err))
			continue
		}
		fmt.Println("without", m.rule, "exactly its tests fail")
	}
	for _, name := range cases {
		if !rules[ruleOf(name)] {
			wrong = append(wrong, fmt.Errorf("%s is of no rule", name))
		}
	}
	return errors.Join(wrong...)
}

func ruleOf(name string) string { return strings.Split(strings.TrimPrefix(name, "TestRules/"), "/")[0] }

func (m mutant) check(work string, cases []string) error {
	overlay, err := m.overlay(work)
	if err != nil {
		return err
	}
	_, failed, err := test(overlay)
	if err != nil {
		return err
	}
	var want []string
	for _, name := range cases {
		if ruleOf(name) == m.rule {
			want = append(want, name)
		}
	}
	if len(want) == 0 || !slices.Equal(want, failed) {
		return fmt.Errorf("these tests fail:\n  %s\nand these should:\n  %s", strings.Join(failed, "\n  "), strings.Join(want, "\n  "))
	}
	return nil
}

// overlay writes the changed file beside the tree and says so to the go command.
func (m mutant) overlay(work string) (string, error) {
	path, err := filepath.Abs(filepath.Join(folder, m.file))
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(m.from)); n != 1 {
		return "", fmt.Errorf("%q stands %d times in %s", m.from, n, m.file)
	}
	changed := filepath.Join(work, m.rule+".go")
	if err := os.WriteFile(changed, bytes.Replace(source, []byte(m.from), []byte(m.to), 1), 0o600); err != nil {
		return "", err
	}
	doc, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(work, m.rule+".json")
	return overlay, os.WriteFile(overlay, doc, 0o600)
}

// test runs TestRules and gives the names of its cases, and of those that failed.
func test(overlay string) (cases, failed []string, err error) {
	args := []string{"test", "-json", "-vet=off", "-run", "^TestRules$", "./" + folder}
	if overlay != "" {
		args = slices.Insert(args, 1, "-overlay", overlay)
	}
	cmd := exec.Command("go", args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, runErr := cmd.Output()
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct{ Action, Test, Output string }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, nil, err
		}
		if event.Action == "build-output" {
			said.WriteString(event.Output)
		}
		if !strings.HasPrefix(event.Test, "TestRules/") {
			continue
		}
		switch event.Action {
		case "pass", "fail":
			cases = append(cases, event.Test)
			if event.Action == "fail" {
				failed = append(failed, event.Test)
			}
		}
	}
	if len(cases) == 0 {
		return nil, nil, fmt.Errorf("no test ran: %w\n%s", runErr, said.String())
	}
	slices.Sort(cases)
	slices.Sort(failed)
	return cases, failed, nil
}
