package step

import "time"

// Build is what the CI system says of the run that a step is part of; the zero value is that nobody says anything. None of
// it is proven: a step runs in the job that it speaks of, and the job can say what it likes. Texts may hold anything.
type Build struct {
	System  string // github, gitlab, jenkins or tekton
	Builder string // a URI for who builds; empty where nobody says
	// Invocation is this run and no other one: where it can be looked at, as far as it has a place.
	Invocation string
	Repository string // https://HOST/PATH of the source, without .git
	Ref        string // refs/heads/main, refs/tags/v1
	Commit     string // hex
	Definition string // what runs: a path in the repository, or the name of a job or of a Task
	Event      string // why it runs, in the system's words
	// Builds: the run builds what it works on, as far as the system can tell. A run that a clock started looks again at
	// what was built before, and a TaskRun of Tekton's is as a rule another one than that of the build.
	Builds  bool
	Started time.Time
	Details []Value // what the system has besides, by its own names
}
