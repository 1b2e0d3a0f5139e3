package tekton

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Tekton's entrypoint hands the results to the controller in the termination message of the container, as JSON in which
// every result is an object. Kubernetes takes 4096 bytes of a container, and 12288 of a pod, of which each container has
// an equal share. A message that is longer fails the TaskRun, or is cut and then nobody can read any result.
// https://github.com/tektoncd/pipeline/blob/v1.14.1/pkg/termination/write.go
// https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/kubelet/kuberuntime/kuberuntime_container.go
const (
	// DefaultLimit is what one container of at most three may write.
	DefaultLimit = 4096
	leastLimit   = 512
	mostLimit    = 1 << 20 // Tekton's most for results through a sidecar's log is 1.5 MB
)

// reserved is what the entrypoint writes beside the results: the brackets, when the step started, and, at worst, its exit
// code or why it was ended.
// https://github.com/tektoncd/pipeline/blob/v1.14.1/pkg/entrypoint/entrypointer.go
var reserved = len("[]") +
	cost("StartedAt", "2006-01-02T15:04:05.000+07:00") +
	cost("ExitCode", "255") +
	cost("Reason", "TimeoutExceeded")

// cost is how many bytes of the message a result takes, with the comma behind it.
func cost(name, value string) int {
	return len(`{"key":,"value":,"type":1},`) + quoted(name) + quoted(value)
}

// quoted is the length of a text in JSON, as encoding/json writes it for the entrypoint.
func quoted(text string) int {
	raw, _ := json.Marshal(text) // cannot fail
	return len(raw)
}

// large is the cost of a result that has to go before any other.
const large = 1024

// entry is a result on its way.
type entry struct {
	name    string
	value   string
	empty   string // how the absence of a value is written
	rank    int    // the higher, the longer it stays
	dropped bool
	left    bool // not even the name fits
}

func (e entry) written() string {
	if e.dropped {
		return e.empty
	}
	return e.value
}

func total(entries []entry) int {
	sum := reserved
	for _, e := range entries {
		if !e.left {
			sum += cost(e.name, e.written())
		}
	}
	return sum
}

// fit empties results until all of them fit: first values that are large, then by rank. Where the names alone take too
// much, results are left out by rank; those that are kept have their values until it is their turn.
func fit(entries []entry, limit int) {
	order := make([]*entry, len(entries))
	for i := range entries {
		order[i] = &entries[i]
	}
	slices.SortStableFunc(order, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(bulk(b), bulk(a)), cmp.Compare(a.rank, b.rank))
	})
	for _, e := range order {
		if total(entries) <= limit {
			return
		}
		if e.value != e.empty && e.rank < keptRank {
			e.dropped = true
		}
	}
	slices.SortStableFunc(order, func(a, b *entry) int { return cmp.Compare(a.rank, b.rank) })
	for _, e := range order {
		if total(entries) <= limit {
			return
		}
		e.left = true
	}
}

// keptRank is that of the results which a pipeline cannot do without.
var keptRank = rank("evidence-digest")

// bulk is the cost of a large value, and 0 of any other.
func bulk(e *entry) int {
	if c := cost(e.name, e.value); c > large {
		return c
	}
	return 0
}
