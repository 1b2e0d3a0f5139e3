// Mutants takes each check of the verification and each rule of the gate away in turn, and demands that exactly its tests
// fail. Each is one function, found by its name, which then answers as if there were nothing to find. A check that nothing
// tests is an error, and so is a test that fails without a check that is not about it.
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// check is one function, and the tests that need it.
type check struct {
	function string   // folder.Name, or folder.Type.Name
	passes   string   // what it answers when it is taken away; empty: true, or nil
	tests    []string // beginnings of the names of exactly those that must fail
	stays    string   // why it cannot be taken away
}

// suite is some tests of one package, and the checks that are taken away from under them.
type suite struct {
	folder string
	run    string // which tests
	skip   string // but not these
	checks []check
	whole  bool // every test is about one of the checks
}

var suites = []suite{
	{folder: policy, run: "^TestRules$", checks: rules, whole: true},
	{folder: signing, run: "^TestAttack", skip: "^TestAttack(20|21Strangers|26|32)", checks: checks}, // these wait for retries, or do much
	{folder: signing, run: "^TestAttack(26|32WritesThatStayLost)", checks: doubts},
	{folder: image, run: "^TestAttack", checks: imageChecks},
	{folder: trust, run: "^TestAttack", checks: trustChecks},
	{folder: step, run: "^TestAttack", checks: stepChecks},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run tries the checks of these names, or all. A name is that of a function, or of a rule.
func run(names []string) error {
	var all []check
	for _, s := range suites {
		all = append(all, s.checks...)
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(c check) bool { return c.is(name) }) {
			return fmt.Errorf("there is no check %s", name)
		}
	}
	work, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	overlay, err := switches(work, all)
	if err != nil {
		return err
	}
	var wrong []error
	for _, s := range suites {
		wrong = append(wrong, s.try(work, overlay, names))
	}
	return errors.Join(wrong...)
}

func (c check) is(name string) bool {
	return c.function == name || strings.HasSuffix(c.function, "."+name) || slices.Contains(c.tests, ruleTests(name))
}
