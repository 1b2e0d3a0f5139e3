package registrytest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
)

// maven names a Java package.
type maven struct{ group, artifact, version, title string }

func (m maven) fileName() string { return m.artifact + "-" + m.version + ".jar" }

// shopJar is shop-all.jar, in which lies payment.jar, in which lies log4j-core unless that has no version.
func shopJar(version, log4j string) ([]byte, error) {
	var logging []file
	if log4j != "" {
		core := maven{"org.apache.logging.log4j", "log4j-core", log4j, "Apache Log4j Core"}
		body, err := jar(core, file{path: "org/apache/logging/log4j/core/lookup/JndiLookup.class", body: emptyClass()})
		if err != nil {
			return nil, err
		}
		logging = append(logging, file{path: "lib/" + core.fileName(), body: body})
	}
	payment, err := jar(maven{"com.example.shop", "payment", version, "Payment"}, logging...)
	if err != nil {
		return nil, err
	}
	return jar(maven{"com.example.shop", "shop-all", version, "Shop"}, file{path: "BOOT-INF/lib/payment.jar", body: payment})
}

// JarIn is a jar in which lies another one, of version 1.0.0 both, with an archive between them that has no manifest.
func JarIn(outer, inner string) ([]byte, error) {
	of := maven{"com.example", inner, "1.0.0", inner}
	body, err := jar(of)
	if err != nil {
		return nil, err
	}
	between, err := archived([]file{{path: "lib/" + of.fileName(), body: body}})
	if err != nil {
		return nil, err
	}
	return jar(maven{"com.example", outer, "1.0.0", outer}, file{path: "bundle.jar", body: between})
}

// jar is a jar as Maven builds it, with more files in it.
func jar(of maven, content ...file) ([]byte, error) {
	folder := "META-INF/maven/" + of.group + "/" + of.artifact + "/"
	files := append([]file{
		{path: "META-INF/MANIFEST.MF", body: of.manifest()},
		{path: folder + "pom.properties", body: of.properties()},
		{path: folder + "pom.xml", body: of.pom()},
	}, content...)
	return archived(files)
}

// archived is files in a ZIP.
func archived(files []file) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, one := range files {
		header := &zip.FileHeader{Name: one.path, Method: zip.Deflate, Modified: fixedTime()}
		if strings.HasSuffix(one.path, ".jar") {
			header.Method = zip.Store // a class loader wants to seek in it
		}
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(one.body); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}

func (m maven) manifest() []byte {
	return fmt.Appendf(nil, "Manifest-Version: 1.0\r\nCreated-By: Maven JAR Plugin 3.4.1\r\n"+
		"Implementation-Title: %s\r\nImplementation-Version: %s\r\nImplementation-Vendor-Id: %s\r\n\r\n",
		m.title, m.version, m.group)
}

func (m maven) properties() []byte {
	return fmt.Appendf(nil, "artifactId=%s\ngroupId=%s\nversion=%s\n", m.artifact, m.group, m.version)
}

func (m maven) pom() []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>%s</groupId>
  <artifactId>%s</artifactId>
  <version>%s</version>
  <name>%s</name>
</project>
`, m.group, m.artifact, m.version, m.title)
}

// emptyClass is the head of a class file, enough to be recognized as one.
func emptyClass() []byte { return []byte("\xca\xfe\xba\xbe\x00\x00\x00\x34\x00\x01") }
