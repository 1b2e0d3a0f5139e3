package main

import (
	"bytes"
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

// try builds the tests once and takes away one check after the other, two at a time.
func (s suite) try(work, overlay string, names []string) error {
	var wanted []check
	for _, c := range s.checks {
		if c.stays == "" && (len(names) == 0 || slices.ContainsFunc(names, c.is)) {
			wanted = append(wanted, c)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	program, err := build(work, overlay, s.folder)
	if err != nil {
		return err
	}
	cases, failed, err := s.test(program, check{})
	if len(failed) > 0 || err != nil {
		return errors.Join(fmt.Errorf("%s: with every check %v fail", s.folder, failed), err)
	}
	for _, name := range cases {
		if s.whole && !slices.ContainsFunc(s.checks, func(c check) bool { return c.needs(name) }) {
			return fmt.Errorf("%s is about no check", name)
		}
	}
	errs := make([]error, len(wanted))
	var running sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i, c := range wanted {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if errs[i] = s.without(program, c); errs[i] == nil {
				fmt.Println("without", c.function, "exactly its tests fail")
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// build compiles the tests of the package with every check behind its switch.
func build(work, overlay, folder string) (program string, err error) {
	program = filepath.Join(work, filepath.Base(folder)+".test")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, "./"+folder).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
}

func (s suite) without(program string, c check) error {
	cases, failed, err := s.test(program, c)
	if err != nil {
		return fmt.Errorf("without %s: %w", c.function, err)
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
		return fmt.Errorf("without %s: these tests fail:\n  %s\nand these should:\n  %s\n(there is no %q)", c.function, strings.Join(failed, "\n  "), strings.Join(want, "\n  "), unused)
	}
	return nil
}

// needs says whether the test is one of the check's.
func (c check) needs(test string) bool {
	return slices.ContainsFunc(c.tests, func(beginning string) bool { return strings.HasPrefix(test, beginning) })
}

var ended = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL): (\S+)`)

// test gives the innermost tests, and of those the ones that failed.
func (s suite) test(program string, without check) (cases, failed []string, err error) {
	args := []string{"-test.v", "-test.timeout", "5m", "-test.run", s.run}
	if s.skip != "" {
		args = append(args, "-test.skip", s.skip)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), switchedOff+"="+without.function)
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
