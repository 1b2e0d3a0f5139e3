package scan

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/cpe"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/linux"
	syftpkg "github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"
	"github.com/anchore/syft/syft/source"

	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/sbom"
)

// now is a day on which the test set's newest records are fresh.
var now = time.Date(2026, 8, 23, 12, 0, 0, 0, time.UTC)

// scratch is a folder for what all tests share; TestMain removes it.
var scratch = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "scan-test-*")
	if err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(scratch())
	os.Exit(code)
}

// built is the test set's database, as an archive.
var built = sync.OnceValue(func() BuildReport {
	report, err := Build(context.Background(), BuildOptions{
		FS: testset.FS, Output: filepath.Join(scratch(), "database.tar.zst"), WorkDir: scratch(), Built: now,
	})
	if err != nil {
		panic(err)
	}
	return report
})

// database is the test set's, open.
var database = sync.OnceValue(func() *Database {
	db, err := Open(context.Background(), Source{Path: built().Output, CacheDir: filepath.Join(scratch(), "cache")}, Limits{}, now)
	if err != nil {
		panic(err)
	}
	return db
})

const layer = "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"

func at(path string) file.LocationSet {
	return file.NewLocationSet(file.NewLocationFromCoordinates(file.Coordinates{RealPath: path, FileSystemID: layer}))
}

func npm(name, version string) syftpkg.Package {
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.NpmPkg, Language: syftpkg.JavaScript,
		PURL:      "pkg:npm/" + name + "@" + version,
		Locations: at("/app/node_modules/" + name + "/package.json"),
	}
}

func jar(group, name, version, path string) syftpkg.Package {
	outer, _, _ := cutPath(path)
	location := file.NewVirtualLocationFromCoordinates(file.Coordinates{RealPath: outer, FileSystemID: layer}, path)
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.JavaPkg, Language: syftpkg.Java,
		PURL:      "pkg:maven/" + group + "/" + name + "@" + version,
		Locations: file.NewLocationSet(location),
		Metadata: syftpkg.JavaArchive{
			VirtualPath:   path,
			PomProperties: &syftpkg.JavaPomProperties{GroupID: group, ArtifactID: name, Version: version},
		},
	}
}

func cutPath(path string) (outer, inner string, nested bool) {
	for i := range path {
		if path[i] == ':' {
			return path[:i], path[i+1:], true
		}
	}
	return path, "", false
}

func deb(name, version, source string) syftpkg.Package {
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.DebPkg,
		PURL:      "pkg:deb/debian/" + name + "@" + version + "?arch=amd64&upstream=" + source + "&distro=debian-11",
		CPEs:      []cpe.CPE{cpe.Must("cpe:2.3:a:"+name+":"+name+":*:*:*:*:*:*:*:*", cpe.GeneratedSource)},
		Locations: at("/var/lib/dpkg/status"),
		Metadata: syftpkg.DpkgDBEntry{Package: name, Source: source, Version: version, Files: []syftpkg.DpkgFileRecord{
			{Path: "/usr/lib/" + name},
		}},
	}
}

func apk(name, version string) syftpkg.Package {
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.ApkPkg, PURL: "pkg:apk/alpine/" + name + "@" + version,
		Locations: at("/lib/apk/db/installed"), Metadata: syftpkg.ApkDBEntry{Package: name, Version: version},
	}
}

func goModule(name, version string) syftpkg.Package {
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.GoModulePkg, Language: syftpkg.Go,
		PURL: "pkg:golang/" + name + "@" + version, Locations: at("/usr/bin/tool"),
		Metadata: syftpkg.GolangBinaryBuildinfoEntry{GoCompiledVersion: "go1.17"},
	}
}

// mainModule is a program's own module.
func mainModule(version string) syftpkg.Package {
	p := goModule("example.com/program", version)
	p.Metadata = syftpkg.GolangBinaryBuildinfoEntry{GoCompiledVersion: "go1.17", MainModule: p.Name}
	return p
}

func python(name, version string) syftpkg.Package {
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.PythonPkg, Language: syftpkg.Python,
		PURL: "pkg:pypi/" + name + "@" + version, Locations: at("/usr/lib/python3/" + name + "/METADATA"),
	}
}

func rustCrate(name, version string) syftpkg.Package {
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.RustPkg, Language: syftpkg.Rust,
		PURL: "pkg:cargo/" + name + "@" + version, Locations: at("/app/Cargo.lock"),
	}
}

func binary(name, version, path string) syftpkg.Package {
	return syftpkg.Package{
		Name: name, Version: version, Type: syftpkg.BinaryPkg, PURL: "pkg:generic/" + name + "@" + version,
		CPEs:      []cpe.CPE{cpe.Must("cpe:2.3:a:"+name+":"+name+":"+version+":*:*:*:*:*:*:*", cpe.GeneratedSource)},
		Locations: at(path), Metadata: syftpkg.BinarySignature{},
	}
}

var (
	debian11 = &linux.Release{ID: "debian", VersionID: "11", VersionCodename: "bullseye", PrettyName: "Debian GNU/Linux 11"}
	debian12 = &linux.Release{ID: "debian", VersionID: "12", VersionCodename: "bookworm", PrettyName: "Debian GNU/Linux 12"}
	alpine   = func(version string) *linux.Release { return &linux.Release{ID: "alpine", VersionID: version} }
)

func content(release *linux.Release, packages ...syftpkg.Package) *syftsbom.SBOM {
	for i := range packages {
		packages[i].SetID()
	}
	return &syftsbom.SBOM{
		Artifacts:  syftsbom.Artifacts{Packages: syftpkg.NewCollection(packages...), LinuxDistribution: release},
		Source:     source.Description{ID: "test", Metadata: source.DirectoryMetadata{Path: "/"}},
		Descriptor: syftsbom.Descriptor{Name: "stepseal", Version: "test"},
	}
}

func related(of *syftsbom.SBOM, from, to syftpkg.Package) *syftsbom.SBOM {
	from.SetID()
	to.SetID()
	of.Relationships = append(of.Relationships, artifact.Relationship{
		From: from, To: to, Type: artifact.OwnershipByFileOverlapRelationship,
	})
	return of
}

func catalogue(release *linux.Release, packages ...syftpkg.Package) *sbom.Catalogue {
	return sbom.FromSyft(content(release, packages...), sbom.FromImage, "")
}

// vulnerable are packages that the test set has something to say about.
func vulnerable() []syftpkg.Package {
	return []syftpkg.Package{
		jar("org.apache.logging.log4j", "log4j-core", "2.14.1", "/srv/app.jar:BOOT-INF/lib/log4j-core-2.14.1.jar"),
		jar("org.springframework", "spring-beans", "5.3.17", "/srv/app.jar:BOOT-INF/lib/spring-beans-5.3.17.jar"),
		jar("com.fasterxml.jackson.core", "jackson-databind", "2.9.8", "/srv/app.jar:BOOT-INF/lib/jackson-databind-2.9.8.jar"),
		npm("lodash", "4.17.15"), npm("minimist", "1.2.0"), npm("semver", "7.3.5"), npm("jquery", "1.12.4"),
		python("jinja2", "2.10"), python("requests", "2.19.0"),
		goModule("stdlib", "go1.17"), goModule("golang.org/x/net", "v0.0.0-20210405180319-a5a99cb37ef4"),
		goModule("golang.org/x/text", "v0.3.5"), goModule("github.com/gogo/protobuf", "v1.3.1"),
		deb("libssl1.1", "1.1.1k-1", "openssl"), deb("zlib1g", "1:1.2.11.dfsg-2", "zlib"), deb("gzip", "1.10-4", ""),
	}
}
