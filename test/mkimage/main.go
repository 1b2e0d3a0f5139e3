// Command mkimage lays out stepseal's container image without a container engine: the layer as a tar archive, which the
// Dockerfile unpacks too, the image as an OCI layout, and that layout as an archive. Equal binaries give equal bytes.
//
//	mkimage -binary bin/image/stepseal -to bin/image
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mkimage: ")
	binary := flag.String("binary", "", "the static binary")
	to := flag.String("to", "", "the folder for root.tar, layout and stepseal-image.tar")
	flag.Parse()
	if *binary == "" || *to == "" {
		log.Fatal("-binary and -to are needed")
	}
	digest, err := write(*binary, *to)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digest)
}

func write(binary, to string) (string, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return "", err
	}
	architecture, err := architectureOf(binary)
	if err != nil {
		return "", err
	}
	root := filepath.Join(to, "root.tar")
	if err := os.WriteFile(root, rootFileSystem(program), 0o644); err != nil {
		return "", err
	}
	image, err := imageOf(root, architecture)
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
	if err := written.AppendImage(image); err != nil {
		return "", err
	}
	if err := archive(folder, filepath.Join(to, "stepseal-image.tar")); err != nil {
		return "", err
	}
	digest, err := image.Digest()
	return digest.String(), err
}
