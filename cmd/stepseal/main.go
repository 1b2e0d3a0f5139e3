// Command stepseal tells what is in a container image, gates, signs, attests and verifies it.
package main

import (
	"os"

	"github.com/stepseal/stepseal/cmd/stepseal/internal/program"
)

// version is set by the linker for a release.
var version = "0.1.0-dev"

// revision is the commit, set by the linker where the go command is not to record one.
var revision string

func main() { os.Exit(program.Main(program.Build{Version: version, Revision: revision})) }
