package registrytest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ArchiveForm is one of the forms that archives of images have.
type ArchiveForm int

// The forms: that of `docker save` until Docker 24, of which podman's and skopeo's are simpler ones; that of Docker 25,
// an OCI layout with a manifest.json; and that of skopeo, with the layers side by side.
const (
	DockerSave ArchiveForm = iota
	DockerSave25
	Skopeo
)

// Tagged is an image with the tags that an archive gives it.
type Tagged struct {
	Image v1.Image
	Tags  []string
}

// SaveArchive writes images into an archive of that form. A layer of two images stands there once: in the old form a
// symbolic link takes its place.
func SaveArchive(path string, form ArchiveForm, images ...Tagged) error {
	var buf bytes.Buffer
	a := &archiver{tar: tar.NewWriter(&buf), form: form, written: map[string]string{}}
	for _, one := range images {
		if err := a.add(one); err != nil {
			return err
		}
	}
	manifest, err := json.Marshal(a.manifest)
	if err != nil {
		return err
	}
	if form == DockerSave25 {
		if err := a.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
			return err
		}
	}
	if err := a.file("manifest.json", manifest); err != nil {
		return err
	}
	if err := a.tar.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}

type archiver struct {
	tar      *tar.Writer
	form     ArchiveForm
	written  map[string]string // layers by diff id
	manifest []listed
}

type listed struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (a *archiver) add(one Tagged) error {
	config, err := one.Image.RawConfigFile()
	if err != nil {
		return err
	}
	id, err := one.Image.ConfigName()
	if err != nil {
		return err
	}
	entry := listed{Config: id.Hex + ".json", RepoTags: one.Tags}
	if a.form == DockerSave25 {
		entry.Config = "blobs/sha256/" + id.Hex
	}
	if err := a.file(entry.Config, config); err != nil {
		return err
	}
	layers, err := one.Image.Layers()
	if err != nil {
		return err
	}
	for n, layer := range layers {
		name, err := a.layer(fmt.Sprintf("%s-%d", id.Hex[:16], n), layer)
		if err != nil {
			return err
		}
		entry.Layers = append(entry.Layers, name)
	}
	a.manifest = append(a.manifest, entry)
	return nil
}

func (a *archiver) layer(folder string, layer v1.Layer) (string, error) {
	diffID, err := layer.DiffID()
	if err != nil {
		return "", err
	}
	name := map[ArchiveForm]string{DockerSave: folder + "/layer.tar", DockerSave25: "blobs/sha256/" + diffID.Hex, Skopeo: diffID.Hex + ".tar"}[a.form]
	if first, ok := a.written[diffID.Hex]; ok {
		if a.form != DockerSave {
			return name, nil
		}
		return name, a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: "../" + first})
	}
	a.written[diffID.Hex] = name
	if a.form == DockerSave {
		if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}); err != nil {
			return "", err
		}
		if err := a.file(folder+"/VERSION", []byte("1.0")); err != nil {
			return "", err
		}
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return "", err
	}
	defer content.Close()
	raw, err := io.ReadAll(content)
	if err != nil {
		return "", err
	}
	return name, a.file(name, raw)
}

func (a *archiver) file(name string, body []byte) error {
	if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body))}); err != nil {
		return err
	}
	_, err := a.tar.Write(body)
	return err
}
