// Command up starts a private Sigstore, runs a command beside it and ends with it. The command finds what it needs to know of
// the Sigstore in STEPSEAL_SIGSTORE: a folder with trusted_root.json and the signing configurations. Tokens come from
// http://127.0.0.1:5556/ISSUER/token, to which the claims are posted.
//
//	up -folder FOLDER -services FOLDER -trillian PROGRAM -keys SCRIPT COMMAND...
package main

import (
	"errors"
	"flag"
	"log"
	"os"
	"os/exec"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("up: ")
	var opt stack.Options
	flag.StringVar(&opt.Folder, "folder", "", "where everything is written")
	flag.StringVar(&opt.Services, "services", "", "the folder that test/sigstore/build prints")
	flag.StringVar(&opt.Trillian, "trillian", "", "the program of services/trillian")
	flag.StringVar(&opt.Keys, "keys", "", "the script examples/private-sigstore/keys")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("say which command to run")
	}
	err := beside(opt, flag.Args())
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		os.Exit(failed.ExitCode())
	}
	if err != nil {
		log.Fatal(err)
	}
}

func beside(opt stack.Options, args []string) error {
	sigstore, err := stack.Start(opt)
	if err != nil {
		return err
	}
	defer sigstore.Close()
	command := exec.Command(args[0], args[1:]...)
	command.Env = append(os.Environ(), "STEPSEAL_SIGSTORE="+opt.Folder, "PATH="+opt.Services+":"+os.Getenv("PATH"))
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	return command.Run()
}
