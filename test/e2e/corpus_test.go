package e2e

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// A sample is an image that holds packages of one kind or of several, by the type that syft gives them.
type sample struct {
	distro registrytest.Distro
	holds  map[string]verdicts
	more   []registrytest.File
}

// verdicts list packages by what the advisories say of them, read by a person: each row is a word that the function which
// writes the package's files knows, the name and the version.
type verdicts struct{ vulnerable, clean []string }

const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e  "

// corpus is what the sample image of the other tests does not hold. Of npm, Go, jars and Debian there is more in that one.
var corpus = map[string]sample{
	// The word is the package that it was built from, whose name the advisories use.
	"Alpine": {
		more: alpineRelease,
		holds: map[string]verdicts{
			"apk": {
				vulnerable: []string{
					"openssl libcrypto1.1 1.1.1b-r0", "openssl libssl1.1 1.1.1b-r1", "openssl openssl 1.1.1d_pre1-r0", "openssl openssl-dev 1.1.1c-r12",
					"musl musl 1.1.22-r2", "musl musl-utils 1.1.22_rc3-r9", "musl libc6-compat 1.1.9-r30",
				},
				clean: []string{
					"openssl openssl-doc 1.1.1d-r0", "openssl openssl-dbg 1.1.1k-r0",
					"musl musl-dev 1.1.22-r3", "musl musl-dbg 1.1.22_git20190806-r0", "musl musl-libintl 1.1.22_p1-r0", "musl musl-legacy 1.1.22-r10",
					"busybox ssl_client 1.30.1-r2", "py-requests py3-requests 2.19.1-r0",
					"- .python-rundeps 20190802.000000", // what apk add --virtual leaves, built from nothing
				},
			},
			// The first belongs to py3-requests. Alpine tells only of what is fixed, so it is looked up as itself too.
			"python": {vulnerable: []string{"egg-file requests 2.19.1"}, clean: []string{"wheel urllib3 2.0.7"}},
		},
	},
	// The word is the form in which it is installed; names are spelled in all ways that are one to PyPI.
	"Python": {
		holds: map[string]verdicts{"python": {
			vulnerable: []string{
				"wheel Jinja2 2.10", "egg jinja2 2.11.3.dev0", "wheel SQLAlchemy 1.2.17", "egg PyYAML 5.4b1", "wheel Django 4.2.15",
				"wheel Werkzeug 3.0.0", "wheel ansible_core 2.14.3", "egg Ansible.Core 2.15.8", "wheel ansible-core 2.16.0",
				"egg-file Pillow 10.0.0", "wheel certifi 2023.5.7", "wheel aiohttp 3.9.2rc1", "wheel lxml 4.9.0+vendor.1",
				"egg gunicorn 19.5.0.dev0", "wheel protobuf 3.14.0", "wheel paramiko 2.10.0",
			},
			clean: []string{
				"wheel Jinja2 2.11.3", "egg sqlalchemy 1.3.0b1", "wheel PyYAML 5.4", "wheel Django 5.1.1",
				"wheel Werkzeug 2.3.8", "wheel ANSIBLE__core 2.15.9", "egg-file pillow 10.0.1", "wheel certifi 2023.07.22",
				"wheel aiohttp 3.9.2.post1", "wheel lxml 4.9.1+vendor.1", "wheel tornado 1!1.0", "wheel jinja2-time 0.1",
			},
		}},
	},
	// Debian tells of its packages what is not fixed too, so a Python package that belongs to one of them, in the same version,
	// is looked up as that and not as itself.
	"Python packages of Debian's": {
		distro: registrytest.Debian("11", registrytest.Package{Name: "python3-jinja2", Version: "2.10-2"}, registrytest.Package{Name: "python3-requests", Version: "1:2.19.1-1"}),
		more: []registrytest.File{
			{Path: "var/lib/dpkg/info/python3-jinja2.md5sums", Body: emptyMD5 + wheelFolder("Jinja2", "2.10") + "/METADATA\n"},
			{Path: "var/lib/dpkg/info/python3-requests.md5sums", Body: emptyMD5 + wheelFolder("requests", "2.19.1") + "/METADATA\n"},
		},
		holds: map[string]verdicts{"python": {
			vulnerable: []string{"wheel requests 2.19.1", "wheel Werkzeug 3.0.0"}, // the epoch makes it another version
			clean:      []string{"wheel Jinja2 2.10"},
		}},
	},
	// The word is where the library lies. Maven orders versions in a way of its own: a qualifier that it does not know, as jre,
	// comes after the version without one, and so does a number.
	"Java": {
		holds: map[string]verdicts{"java-archive": {
			vulnerable: []string{
				"jar com.google.guava:guava 32.0.0", "jar io.netty:netty-handler 4.0.36.Final", "jar org.eclipse.jetty:jetty-xml 12.0.0.beta1",
				"jar log4j:log4j 1.2.17", "jar org.apache.thrift:libthrift 0.9.3", "jar org.apache.tomcat.embed:tomcat-embed-core 10.1.0-M1",
				"war org.yaml:snakeyaml 1.25", "war ch.qos.logback:logback-core 1.4.11",
				"shaded org.springframework:spring-beans 5.2.19.RELEASE", "shaded io.netty:netty-codec-http 4.1.107.Final",
			},
			clean: []string{
				"jar com.google.guava:guava 32.0.0-jre", "jar org.eclipse.jetty:jetty-xml 12.0.0", "jar com.example:log4j-core 2.14.1",
				"war com.google.code.gson:gson 2.8.9", "war ch.qos.logback:logback-core 1.4.14",
				"jar org.springframework:spring-beans 5.2.20.RELEASE", "shaded org.apache.avro:avro 1.11.3",
				"bare -:commons-text 1.9", // nothing in it says whose it is
				"app shop-all 1.4.2", "app payment 1.4.2", "app all 1.0", "app shop 1.0",
			},
		}},
	},
	// All in one program, but for what only built it.
	"Rust": {
		holds: map[string]verdicts{"rust-crate": {
			vulnerable: []string{
				"- smallvec 0.6.9", "- smallvec 1.6.0", "- time 0.1.43", "- time 0.3.46", "- h2 0.4.0-rc.1", "- rustls 0.23.17",
				"- openssl-src 300.0.11+3.0.7", "- libgit2-sys 0.16.1+1.7.1", "- hyper 0.14.11", "- crossbeam-deque 0.8.0",
				"- tokio 1.44.1", "- curve25519-dalek 4.1.3-pre.1", "- regex 1.5.4", "- openssl 0.10.71",
			},
			clean: []string{
				"- shop 1.0.0", "- smallvec 0.6.14", "- smallvec 1.6.1", "- time 0.2.23", "- time 0.3.47", "- h2 0.4.16", "- rustls 0.23.6",
				"- openssl-src 300.0.12+3.0.8", "- openssl-src 111.25.0+1.1.1t", "- libgit2-sys 0.16.2+1.7.2", "- hyper 0.14.12",
				"- crossbeam-deque 0.7.4", "- tokio 1.44.2", "- regex 1.10.0", "- serde 1.0.0",
			},
		}},
		more: []registrytest.File{{Path: "src/shop/Cargo.lock", Body: "version = 3\n\n[[package]]\nname = \"chrono\"\nversion = \"0.4.18\"\n" +
			"source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"}}, // not what is installed, so nobody reads it
	},
	"Ruby": {
		holds: map[string]verdicts{"gem": {
			vulnerable: []string{"- google-protobuf 3.16.3", "- google-protobuf 3.19.1", "- google-protobuf 3.20.2", "- google-protobuf 3.21.0.rc.1"},
			clean:      []string{"- google-protobuf 3.19.6", "- google-protobuf 3.20.3", "- google-protobuf 3.21.0.beta.1", "- google-protobuf 3.21.7", "- rake 13.0.6"},
		}},
	},
	// Each in an application of its own.
	".NET and PHP": {
		holds: map[string]verdicts{
			"dotnet": {
				vulnerable: []string{"- BouncyCastle 1.8.6", "- BouncyCastle 1.8.9", "- BouncyCastle.Cryptography 2.3.0", "- Google.Protobuf 3.15.0-rc1"},
				clean:      []string{"- BouncyCastle.Cryptography 2.3.1", "- Google.Protobuf 3.15.0", "- Serilog 3.0.1"},
			},
			"php-composer": {
				vulnerable: []string{"- google/protobuf v3.14.0", "- google/protobuf 3.15.0-RC1"},
				clean:      []string{"- google/protobuf v3.15.0", "- monolog/monolog 2.3.5"},
			},
		},
	},
}

func TestFindingsInTheCorpusAreThoseOfTheGrypeCommandLine(t *testing.T) {
	for name, of := range corpus {
		t.Run(name, func(t *testing.T) {
			u := newUser(t)
			ref := pushedAppOf(t, startRegistry(t, registrytest.ReferrersOn), registrytest.AppOptions{Distro: of.distro, Files: of.files(t)})
			theirs := u.grype("registry:" + ref)
			u.stepseal("generate-sbom", "--image", ref).want(t, 0, "")
			ours := u.gated("from-the-image", "--image", ref)
			sameFindings(t, theirs, ours)
			for kind, want := range of.holds {
				got := judged(kind, ours, read[syftDocument](u, "stepseal-out/sbom.syft.json"))
				if diff := cmp.Diff(want.sorted(kind), got); diff != "" {
					t.Errorf("%s, vulnerable and clean (-advisories +stepseal):\n%s", kind, diff)
				}
				of := func(f finding) bool { return f.kind == kind }
				if n := countOf(theirs, of); n < 2 || len(want.clean) == 0 {
					t.Errorf("%s: %d findings and %d clean packages prove nothing", kind, n, len(want.clean))
				}
			}
			u.documentsSayTheSameToBoth(t, ourDocuments...)
			u.run("syft", "-q", "registry:"+ref, "-o", "cyclonedx-xml=syft.cdx.xml", "-o", "spdx-tag-value=syft.spdx").want(t, 0, "")
			u.documentsSayTheSameToBoth(t, "syft.cdx.xml", "syft.spdx")
		})
	}
}

func countOf(found []finding, those func(finding) bool) (n int) {
	for _, f := range found {
		if those(f) {
			n++
		}
	}
	return n
}

// judged are the packages of a kind, each with its version, by whether something was found in it.
func judged(kind string, found []finding, among syftDocument) (got struct{ Vulnerable, Clean []string }) {
	for _, a := range among.Artifacts {
		if a.Type != kind {
			continue
		}
		of := func(f finding) bool { return f.kind == kind && f.name == a.Name && f.version == a.Version }
		if slices.ContainsFunc(found, of) {
			got.Vulnerable = append(got.Vulnerable, a.Name+" "+a.Version)
		} else {
			got.Clean = append(got.Clean, a.Name+" "+a.Version)
		}
	}
	slices.Sort(got.Vulnerable)
	slices.Sort(got.Clean)
	return got
}

var separators = regexp.MustCompile(`[-_.]+`)

func (v verdicts) sorted(kind string) (list struct{ Vulnerable, Clean []string }) {
	named := func(rows []string) (names []string) {
		for _, row := range rows {
			word := strings.Fields(row)
			word[1] = word[1][strings.Index(word[1], ":")+1:] // a Maven artefact is called by its name alone
			if kind == "python" {                             // syft writes all names in the one way of https://peps.python.org/pep-0503/#normalized-names
				word[1] = strings.ToLower(separators.ReplaceAllString(word[1], "-"))
			}
			names = append(names, word[1]+" "+word[2])
		}
		slices.Sort(names)
		return names
	}
	list.Vulnerable, list.Clean = named(v.vulnerable), named(v.clean)
	return list
}

// files are those of all packages, and what else the sample has.
func (s sample) files(t *testing.T) []registrytest.File {
	t.Helper()
	list := slices.Clone(s.more)
	for _, kind := range slices.Sorted(maps.Keys(s.holds)) {
		var packages []held
		for _, row := range slices.Concat(s.holds[kind].vulnerable, s.holds[kind].clean) {
			word := strings.Fields(row)
			packages = append(packages, held{word[0], word[1], word[2]})
		}
		made, err := installed[kind](packages)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, made...)
	}
	return list
}
