// Command builder is what the Tasks of the tests run besides stepseal: a build that is as small as can be, and a Task that
// tells what it was given.
//
//	builder build NAME VERSION DIGEST-FILE
//	builder tell TEXT FILE
//	echo TEXT...
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stepseal/stepseal/internal/credentials"
	"github.com/stepseal/stepseal/internal/registrytest"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("builder: ")
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 4 && args[0] == "build":
		err = build(args[1], args[2], args[3])
	case filepath.Base(os.Args[0]) == "echo":
		fmt.Println(strings.Join(args, " "))
	case len(args) == 3 && args[0] == "tell":
		err = os.WriteFile(args[2], []byte(args[1]), 0o600)
	default:
		err = fmt.Errorf("not a command: %q", args)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// build makes the sample shop with a version of log4j-core, and pushes it.
func build(to, log4j, digestFile string) error {
	image, err := registrytest.App(registrytest.AppOptions{Log4jVersion: log4j})
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(to)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, image, remote.WithAuthFromKeychain(credentials.New(credentials.Sources{Getenv: os.Getenv, Tekton: "/tekton/creds"}))); err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	return os.WriteFile(digestFile, []byte(digest.String()), 0o600)
}
