// Package workflowlint finds in GitHub workflows and actions what has been used to take over pipelines: expressions in
// scripts, uses that can be moved, permissions that nobody needs, credentials that stay behind. The rules are named as
// zizmor names its audits.
// https://docs.zizmor.sh/audits/
package workflowlint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Finding is one thing that is wrong: the rule and where.
type Finding struct{ Rule, Where, What string }

// String is the finding in one line.
func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Where, f.Rule, f.What) }

// file is a workflow, or an action; what neither rule looks at is left out.
type file struct {
	On          yaml.Node `yaml:"on"`
	Permissions yaml.Node `yaml:"permissions"`
	Jobs        map[string]job
	Runs        struct {
		Using string
		Image string
		Steps []part
	}
}

type job struct {
	Permissions yaml.Node `yaml:"permissions"`
	RunsOn      yaml.Node `yaml:"runs-on"`
	Container   yaml.Node
	Services    map[string]struct{ Image string }
	Uses        string
	Secrets     yaml.Node
	Steps       []part
}

type part struct {
	Uses, Run string
	With      map[string]string
}

// Lint reads one file. grants are the write permissions that its jobs may ask for, as "job: scope".
func Lint(content []byte, grants []string) ([]Finding, error) {
	var f file
	if err := yaml.Unmarshal(content, &f); err != nil {
		return nil, err
	}
	l := linter{grants: grants}
	if f.Runs.Using != "" {
		l.image("runs", strings.TrimPrefix(f.Runs.Image, "docker://"), f.Runs.Image != "")
		l.steps("runs", f.Runs.Steps, false)
		return l.found, nil
	}
	if len(f.Jobs) == 0 {
		return nil, fmt.Errorf("neither a workflow with jobs nor an action")
	}
	l.workflow(f)
	return l.found, nil
}

type linter struct {
	grants []string
	found  []Finding
}

func (l *linter) report(rule, where, format string, args ...any) {
	l.found = append(l.found, Finding{rule, where, fmt.Sprintf(format, args...)})
}

func (l *linter) workflow(f file) {
	for _, trigger := range []string{"pull_request_target", "workflow_run"} {
		if names(f.On, trigger) {
			l.report("dangerous-triggers", "on", "%s runs a stranger's change with the repository's secrets", trigger)
		}
	}
	if f.Permissions.Kind != yaml.MappingNode || len(f.Permissions.Content) > 0 {
		l.report("excessive-permissions", "permissions", "is not {} at the top of the workflow")
	}
	for _, name := range sorted(f.Jobs) {
		l.job(name, f.Jobs[name])
	}
}

func (l *linter) job(name string, j job) {
	writes := l.permissions(name, j.Permissions)
	if j.Secrets.Value == "inherit" {
		l.report("secrets-inherit", name, "hands every secret on")
	}
	if names(j.RunsOn, "self-hosted") {
		l.report("self-hosted-runner", name, "a runner that keeps what a run leaves behind")
	}
	container := j.Container.Value
	for i := 0; i+1 < len(j.Container.Content); i += 2 {
		if j.Container.Content[i].Value == "image" {
			container = j.Container.Content[i+1].Value
		}
	}
	l.image(name, container, container != "")
	for _, service := range sorted(j.Services) {
		l.image(name+"."+service, j.Services[service].Image, true)
	}
	l.uses(name, j.Uses)
	l.steps(name, j.Steps, writes)
}

func (l *linter) permissions(name string, node yaml.Node) (writes bool) {
	if node.Kind != yaml.MappingNode {
		l.report("excessive-permissions", name, "does not list what it needs")
		return true
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		scope, level := node.Content[i].Value, node.Content[i+1].Value
		if level != "write" {
			continue
		}
		writes = true
		if !slices.Contains(l.grants, name+": "+scope) {
			l.report("excessive-permissions", name, "%s: write is not among what this job may have", scope)
		}
	}
	return writes
}

var (
	pinned  = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	digests = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
	// https://docs.github.com/en/actions/reference/security/secure-use#understanding-the-risk-of-script-injections
	expression = regexp.MustCompile(`\$\{\{`)
	envFiles   = regexp.MustCompile(`GITHUB_(ENV|PATH)\b`)
)

func (l *linter) steps(where string, steps []part, writes bool) {
	for i, s := range steps {
		at := fmt.Sprintf("%s step %d", where, i+1)
		if expression.MatchString(s.Run) || strings.HasPrefix(s.Uses, "actions/github-script@") && expression.MatchString(s.With["script"]) {
			l.report("template-injection", at, "an expression in a script: hand it over by env")
		}
		if envFiles.MatchString(s.Run) {
			l.report("github-env", at, "writes to the environment of later steps")
		}
		l.uses(at, s.Uses)
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
			l.report("artipacked", at, "the job's token stays in the checkout")
		}
		if strings.HasPrefix(s.Uses, "actions/setup-") && writes && s.With["cache"] != "false" {
			l.report("cache-poisoning", at, "a job that may write takes what other runs left in the cache")
		}
	}
}

func (l *linter) uses(where, uses string) {
	switch image, isImage := strings.CutPrefix(uses, "docker://"); {
	case uses == "" || strings.HasPrefix(uses, "./"):
	case isImage:
		l.image(where, image, true)
	case !pinned.MatchString(uses):
		l.report("unpinned-uses", where, "%s is not pinned by a commit", uses)
	}
}

func (l *linter) image(where, image string, given bool) {
	if given && !digests.MatchString(image) {
		l.report("unpinned-images", where, "%s is not pinned by a digest", image)
	}
}

// names tells whether a scalar, a list or a mapping holds the word.
func names(node yaml.Node, word string) bool {
	if node.Kind == yaml.ScalarNode {
		return node.Value == word
	}
	for i, item := range node.Content {
		if (node.Kind != yaml.MappingNode || i%2 == 0) && item.Value == word {
			return true
		}
	}
	return false
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
