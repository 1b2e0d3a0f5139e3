package e2e

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// javaArchives puts each library where its word says: into a jar of its own, with or without what Maven writes, into a web
// archive, or together with others into one jar that is all of them.
func javaArchives(packages []held) ([]registrytest.File, error) {
	var list []registrytest.File
	web, all := []entry{manifestOf("shop", "1.0")}, []entry{manifestOf("all", "1.0")}
	for _, p := range packages {
		group, artifact, _ := strings.Cut(p.name, ":")
		properties := entry{fmt.Sprintf("META-INF/maven/%s/%s/pom.properties", group, artifact), fmt.Sprintf("groupId=%s\nartifactId=%s\nversion=%s\n", group, artifact, p.version)}
		content := []entry{manifestOf(artifact, p.version), properties}
		if p.how == "bare" {
			content = content[:1]
		}
		body, err := zipped(content)
		if err != nil {
			return nil, err
		}
		file := artifact + "-" + p.version + ".jar"
		switch p.how {
		case "jar", "bare":
			list = append(list, registrytest.File{Path: "usr/share/java/" + file, Body: body})
		case "war":
			web = append(web, entry{"WEB-INF/lib/" + file, body})
		case "shaded":
			all = append(all, properties)
		case "app": // in every image of the package registrytest, or made below
		default:
			return nil, fmt.Errorf("%s %s: no library lies in %q", p.name, p.version, p.how)
		}
	}
	for path, content := range map[string][]entry{"srv/shop-1.0.war": web, "srv/all-1.0.jar": all} {
		body, err := zipped(content)
		if err != nil {
			return nil, err
		}
		list = append(list, registrytest.File{Path: path, Body: body})
	}
	return list, nil
}

type entry struct{ name, body string }

func manifestOf(title, version string) entry {
	return entry{"META-INF/MANIFEST.MF", fmt.Sprintf("Manifest-Version: 1.0\r\nImplementation-Title: %s\r\nImplementation-Version: %s\r\n\r\n", title, version)}
}

func zipped(content []entry) (string, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, one := range content {
		file, err := w.CreateHeader(&zip.FileHeader{Name: one.name, Method: zip.Store})
		if err != nil {
			return "", err
		}
		if _, err := file.Write([]byte(one.body)); err != nil {
			return "", err
		}
	}
	err := w.Close()
	return out.String(), err
}
