// Command mkimage lays out stepseal's container image without a container engine: for every binary its layer as a tar
// archive, which the Dockerfile unpacks too, and one index of all platforms as an OCI layout and as an archive of that.
// Equal binaries give equal bytes. Or it pushes such a layout, with the logins of Docker's configuration:
//
//	mkimage -to bin/image -version 0.1.0 -revision COMMIT bin/image/linux-amd64/stepseal bin/image/linux-arm64/stepseal
//	mkimage -push registry.example.com/team/stepseal:dev -layout bin/image/layout
//
// Standard output gets one line: the index's digest, or the reference that was pushed, by digest.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mkimage: ")
	to := flag.String("to", "", "the folder for linux-ARCH/root.tar, layout and stepseal-image.tar")
	var labels labels
	flag.StringVar(&labels.version, "version", "", "the version that the labels name")
	flag.StringVar(&labels.revision, "revision", "", "the commit that the labels name")
	reference := flag.String("push", "", "push the layout as this; without a tag by its digest alone")
	folder := flag.String("layout", "", "the layout to push")
	flag.Parse()
	said, err := run(*to, labels, flag.Args(), *reference, *folder)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(said)
}

func run(to string, labels labels, binaries []string, reference, folder string) (string, error) {
	switch {
	case reference != "" && folder != "" && to == "" && len(binaries) == 0:
		return push(reference, folder)
	case reference == "" && folder == "" && to != "" && len(binaries) > 0 && labels.version != "" && labels.revision != "":
		return write(to, labels, binaries)
	}
	return "", errors.New("either -to, -version, -revision and binaries, or -push and -layout")
}

func write(to string, labels labels, binaries []string) (string, error) {
	images := map[string]v1.Image{}
	for _, binary := range binaries {
		architecture, err := architectureOf(binary)
		if err != nil {
			return "", err
		}
		if images[architecture] != nil {
			return "", fmt.Errorf("%s: there is another binary for %s", binary, architecture)
		}
		if images[architecture], err = imageOf(binary, filepath.Join(to, "linux-"+architecture), architecture, labels); err != nil {
			return "", err
		}
	}
	index, err := indexOf(images, labels)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(to, "layout")
	if err := os.RemoveAll(folder); err != nil {
		return "", err
	}
	written, err := layout.Write(folder, empty.Index)
	if err != nil {
		return "", err
	}
	if err := written.AppendIndex(index); err != nil {
		return "", err
	}
	if err := archive(folder, filepath.Join(to, "stepseal-image.tar")); err != nil {
		return "", err
	}
	digest, err := index.Digest()
	return digest.String(), err
}
