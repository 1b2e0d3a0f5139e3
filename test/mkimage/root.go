package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// epoch is the time of every file and of the image.
var epoch = time.Unix(0, 0).UTC()

// Nobody has a name in the image but these two; Tasks run as 65532, GitHub's container steps as root.
const passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n"

// rootFileSystem is the image's only layer.
func rootFileSystem(program []byte) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, folder := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
		add(w, tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: 0o755}, nil)
	}
	add(w, tar.Header{Name: "etc/passwd", Mode: 0o644}, []byte(passwd))
	add(w, tar.Header{Name: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644}, certificates())
	add(w, tar.Header{Name: "stepseal", Mode: 0o755}, program)
	add(w, tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil)
	_ = w.Close() // a bytes.Buffer takes everything
	return out.Bytes()
}

func add(w *tar.Writer, header tar.Header, content []byte) {
	header.ModTime = epoch
	header.Size = int64(len(content))
	_ = w.WriteHeader(&header) // as above
	_, _ = w.Write(content)
}

// certificates are Mozilla's roots, less those that it trusts under conditions that a PEM file cannot express.
func certificates() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return out.Bytes()
}
