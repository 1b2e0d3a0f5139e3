// Command sample builds the images that the end-to-end tests and the benchmark work on, as an OCI layout: a Debian root
// file system, an npm application with its installed packages, jars inside jars, Python metadata and a Go program that
// links old modules. It needs root, mmdebstrap and npm, and reaches Debian's mirror, the npm registry and the Go module
// proxy. What it built once is found again under the same path while its inputs stay the same.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("sample: ")
	suite := flag.String("suite", "bullseye", "the Debian release: bullseye or bookworm")
	cache := flag.String("cache", "", "the folder to keep finished images in")
	flag.Parse()
	if *cache == "" {
		log.Fatal("-cache is missing")
	}
	path, err := layoutFor(*suite, *cache)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(path)
}

// layoutFor returns the folder of the finished image of suite, and builds it when it is not there yet.
func layoutFor(suite, cache string) (string, error) {
	packages, known := releases[suite]
	if !known {
		return "", fmt.Errorf("no packages are listed for Debian %q", suite)
	}
	path := filepath.Join(cache, "image-"+suite+"-"+inputsDigest(suite, packages))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	image, err := build(suite, packages, cache, work)
	if err != nil {
		return "", err
	}
	finished := filepath.Join(work, "layout")
	if err := writeLayout(finished, image); err != nil {
		return "", err
	}
	return path, os.Rename(finished, path)
}
