package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests read the sources of the module, which is above.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var (
	attacks  = regexp.MustCompile(`(?m)^Attacks? (\d+(?:, \d+)*)\.$`)
	attackOf = regexp.MustCompile(`^TestAttack0?(\d+)`)
)

// commented are the attacks that the comment of a function says it stops.
func commented(f found) []string {
	if said := attacks.FindStringSubmatch(f.doc); said != nil {
		return strings.Split(said[1], ", ")
	}
	return nil
}

// Each check is a function that exists, that can be taken away, and whose comment names those attacks whose tests need it.
func TestChecksAreFunctionsThatNameTheirAttacks(t *testing.T) {
	for _, c := range slices.Concat(checks, doubts, imageChecks, trustChecks, stepChecks) {
		f, err := c.find()
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := c.answer(f); err != nil && c.stays == "" {
			t.Error(err)
		}
		var stopped []string
		for _, test := range c.tests {
			number := attackOf.FindStringSubmatch(test)
			if number == nil {
				t.Errorf("%s: %s is not named after an attack", c.function, test)
			} else if !slices.Contains(stopped, number[1]) {
				stopped = append(stopped, number[1])
			}
		}
		if said := commented(f); len(said) == 0 || c.stays == "" && !slices.Equal(sorted(said), sorted(stopped)) {
			t.Errorf("%s says that it stops the attacks %v, and its tests are of %v", c.function, said, stopped)
		}
	}
	for _, c := range rules {
		if _, err := c.find(); err != nil {
			t.Error(err)
		}
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// No function says of itself that it stops an attack and is not taken away; and in check_*.go there are no others.
func TestNoCheckIsForgotten(t *testing.T) {
	known := map[string]bool{}
	folders := map[string]bool{}
	for _, c := range slices.Concat(checks, doubts, imageChecks, trustChecks, stepChecks) {
		folder, _, _ := strings.Cut(c.function, ".")
		known[c.function], folders[folder] = true, true
	}
	for folder := range folders {
		all, err := functions(folder)
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range all {
			if (len(commented(f)) > 0 || strings.HasPrefix(f.file, signing+"/check_")) && !known[folder+"."+name] {
				t.Errorf("%s: %s.%s is not among the checks", f.file, folder, name)
			}
		}
	}
}
