package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// debianSystem writes the root file system of a Debian release as a tar archive.
//
// The package database's entry of libssl1.1 is set back to a version with known advisories, since an updated release has
// none that a small advisory set holds.
func debianSystem(suite string, packages []string, to string) error {
	fresh := strings.TrimSuffix(to, ".tar") + "-fresh.tar" // mmdebstrap takes the format from the name
	cmd := exec.Command("mmdebstrap", "--variant=minbase", "--include="+strings.Join(packages, ","), suite, fresh)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", made.Unix()))
	if err := run(cmd); err != nil {
		return err
	}
	in, err := os.Open(fresh)
	if err != nil {
		return err
	}
	defer in.Close()
	return changeInTar(in, to, "var/lib/dpkg/status", func(status []byte) ([]byte, error) {
		if suite != "bullseye" {
			return status, nil
		}
		return setVersion(status, "libssl1.1", "1.1.1k-1")
	})
}

var versionLine = regexp.MustCompile(`(?m)^Version: .*$`)

// setVersion replaces the version of one package in a dpkg status file.
func setVersion(status []byte, name, version string) ([]byte, error) {
	start := bytes.Index(status, []byte("Package: "+name+"\n"))
	if start < 0 {
		return nil, fmt.Errorf("%s is not installed", name)
	}
	end := start + bytes.Index(status[start:], []byte("\n\n"))
	if end < start {
		end = len(status)
	}
	entry := versionLine.ReplaceAll(status[start:end], []byte("Version: "+version))
	return bytes.Join([][]byte{status[:start], entry, status[end:]}, nil), nil
}

// run shows what the command printed only when it fails.
func run(cmd *exec.Cmd) error {
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, said)
	}
	return nil
}
