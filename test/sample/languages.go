package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"
)

// storefront writes a layer with an npm application and everything it installs.
func storefront(work, to string) error {
	folder := filepath.Join(work, "storefront")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{"package.json": packageJSON, "package-lock.json": packageLock} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	// The application is only catalogued: no script of a package runs.
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps")
	npm.Dir = folder
	if err := run(npm); err != nil {
		return err
	}
	unfinished := to + ".part"
	if err := writeTree(unfinished, folder, "srv/storefront"); err != nil {
		return err
	}
	return os.Rename(unfinished, to)
}

// goServer writes a layer with a Go program that links old modules.
func goServer(work, to string) error {
	folder := filepath.Join(work, "stockserver")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for _, part := range txtar.Parse([]byte(stockserver)).Files {
		if err := os.WriteFile(filepath.Join(folder, part.Name), part.Data, 0o644); err != nil {
			return err
		}
	}
	program := filepath.Join(work, "program", "stockserver")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-buildid=", "-o", program, ".")
	build.Dir = folder
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOOS=linux", "GOARCH=amd64")
	if err := run(build); err != nil {
		return err
	}
	return writeTree(to, filepath.Dir(program), "usr/local/bin")
}

// otherLanguages writes a layer with jars in a jar in a jar, and with the metadata of installed Python packages.
func otherLanguages(to string) error {
	libraries := map[string][]byte{}
	for _, library := range []string{
		"com.fasterxml.jackson.core:jackson-databind:2.9.8",
		"org.apache.commons:commons-text:1.9",
		"org.apache.logging.log4j:log4j-core:2.14.1",
		"org.springframework:spring-beans:5.3.17",
		"org.yaml:snakeyaml:1.33",
	} {
		name, content := mavenJar(library, nil)
		libraries["BOOT-INF/lib/"+name] = content
	}
	_, inner := mavenJar("com.example:orders:1.4.0", libraries)
	_, outer := mavenJar("com.example:shop:3.0.1", map[string][]byte{"lib/orders-1.4.0.jar": inner})
	files := []file{{"srv/shop/shop-3.0.1.jar", outer}}
	for _, installed := range []string{"Django 2.2.1", "Jinja2 2.10", "requests 2.19.1", "PyYAML 5.1"} {
		files = append(files, pythonPackage(installed)...)
	}
	return writeFiles(to, files)
}

// mavenJar returns the file name and content of a jar that carries Maven's metadata, and more entries if given.
func mavenJar(coordinates string, more map[string][]byte) (string, []byte) {
	part := strings.Split(coordinates, ":")
	group, artifact, version := part[0], part[1], part[2]
	entries := map[string][]byte{
		"META-INF/MANIFEST.MF": fmt.Appendf(nil, "Manifest-Version: 1.0\r\nImplementation-Title: %s\r\nImplementation-Version: %s\r\n\r\n", artifact, version),
		path.Join("META-INF/maven", group, artifact, "pom.properties"): fmt.Appendf(nil, "groupId=%s\nartifactId=%s\nversion=%s\n", group, artifact, version),
	}
	for name, content := range more {
		entries[name] = content
	}
	return artifact + "-" + version + ".jar", jar(entries)
}

func pythonPackage(installed string) []file {
	name, version, _ := strings.Cut(installed, " ")
	folder := "usr/lib/python3/dist-packages/" + name + "-" + version + ".dist-info"
	return []file{
		{folder + "/METADATA", fmt.Appendf(nil, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)},
		{folder + "/RECORD", fmt.Appendf(nil, "%s-%s.dist-info/METADATA,,\n", name, version)},
		{folder + "/top_level.txt", fmt.Appendf(nil, "%s\n", strings.ToLower(name))},
	}
}
