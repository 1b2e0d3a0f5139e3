// Package host finds out what a run has around it: which CI system, how that hands over inputs and takes results, and
// what it says of the run and of the change that it is about.
package host

import (
	"fmt"
	"io"

	"github.com/stepseal/stepseal/internal/host/actions"
	"github.com/stepseal/stepseal/internal/host/gitlab"
	"github.com/stepseal/stepseal/internal/host/jenkins"
	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/host/tekton"
	"github.com/stepseal/stepseal/internal/step"
)

// System is a CI system, or the shell, as a run meets it.
type System interface {
	step.Host
	// Getenv is the environment as the inputs are handed over in it.
	Getenv(name string) string
	// Change is what it says of the change that the run is about.
	Change() step.Change
	// Build is what it says of the run itself.
	Build() step.Build
}

// Variable names the system where it is not to be guessed: github, tekton, gitlab, jenkins or plain.
const Variable = "STEPSEAL_HOST"

// Detect chooses the system by what the environment holds; mistakes are what is wrong with how it was told.
func Detect(getenv func(string) string, stderr io.Writer, options plain.Options) (system System, mistakes []string) {
	around := plain.New(stderr, options)
	switch named := name(getenv); named {
	case "github":
		return actions.New(plain.New(actions.Defused(stderr), options), stderr, getenv), nil
	case "tekton":
		return tekton.New(around, getenv)
	case "gitlab":
		return gitlab.New(around, stderr, getenv), nil
	case "jenkins":
		return jenkins.New(around, getenv), nil
	case "plain":
		return bare{around, getenv}, nil
	default:
		return bare{around, getenv}, []string{fmt.Sprintf("%s: %q is not one of github, tekton, gitlab, jenkins, plain", Variable, named)}
	}
}

func name(getenv func(string) string) string {
	if named := getenv(Variable); named != "" {
		return named
	}
	// https://docs.github.com/en/actions/reference/workflows-and-actions/variables
	// https://docs.gitlab.com/ci/variables/predefined_variables/
	// https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
	for _, of := range []struct{ variable, system string }{{"GITHUB_ACTIONS", "github"}, {"GITLAB_CI", "gitlab"}, {"JENKINS_URL", "jenkins"}} {
		if getenv(of.variable) != "" {
			return of.system
		}
	}
	return "plain"
}

// Output is where a command prints what it was asked for: a system may look for more than text there.
func Output(system System, to io.Writer) io.Writer {
	if careful, ok := system.(interface{ Output(io.Writer) io.Writer }); ok {
		return careful.Output(to)
	}
	return to
}

// bare is no CI system in particular.
type bare struct {
	*plain.Host
	getenv func(string) string
}

func (b bare) Getenv(name string) string { return b.getenv(name) }

// Change is none: nobody says what the run is about.
func (b bare) Change() step.Change { return step.Change{} }

// Build is none.
func (b bare) Build() step.Build { return step.Build{} }
