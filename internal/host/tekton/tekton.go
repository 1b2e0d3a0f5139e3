// Package tekton is Tekton: results that share a budget of bytes, and workspaces that hand over files.
package tekton

import (
	"fmt"
	"strconv"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/step"
)

// The environment variables by which a definition tells where things are. Those of optional workspaces hold the path,
// and nothing where none is bound.
const (
	// Results is the file of one result: the others lie beside it.
	Results = "STEPSEAL_RESULTS"
	// ResultsLimit is how many bytes Tekton takes for all results of the step, where that is not DefaultLimit.
	ResultsLimit = "STEPSEAL_RESULTS_LIMIT"

	SourceWorkspace       = "STEPSEAL_WORKSPACE_SOURCE"
	SecretsWorkspace      = "STEPSEAL_WORKSPACE_SECRETS"
	DatabaseWorkspace     = "STEPSEAL_WORKSPACE_DATABASE"
	DockerConfigWorkspace = "STEPSEAL_WORKSPACE_DOCKERCONFIG"
)

// Host is the step of a TaskRun.
type Host struct {
	*plain.Host
	getenv func(string) string
	limit  int
}

// New is Tekton around a run; mistakes are what is wrong with how it was told.
func New(around *plain.Host, getenv func(string) string) (host *Host, mistakes []string) {
	host = &Host{Host: around, getenv: getenv, limit: DefaultLimit}
	text := getenv(ResultsLimit)
	if text == "" {
		return host, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < leastLimit || limit > mostLimit {
		return host, []string{fmt.Sprintf("%s: %q is not a number of bytes from %d to %d", ResultsLimit, text, leastLimit, mostLimit)}
	}
	host.limit = limit
	return host, nil
}

// Change is none: Tekton does not say what a run is about.
func (h *Host) Change() step.Change { return step.Change{} }
