package registrytest

import (
	"fmt"
	"strings"
)

// Distro is the Linux distribution below the application. The zero value is none at all, as in an image from scratch.
type Distro struct {
	id       string
	release  string
	packages []Package
}

// Debian is release "11" or "12" with the usual base packages; the given ones replace or join them by name.
// Of another release there are only the given ones.
func Debian(release string, packages ...Package) Distro {
	base := map[string][]Package{
		"11": {
			{"base-files", "11.1+deb11u11", ""},
			{"libc6", "2.31-13+deb11u13", "glibc"},
			{"libssl1.1", "1.1.1w-0+deb11u3", "openssl"},
			{"zlib1g", "1:1.2.11.dfsg-2+deb11u2", "zlib"},
		},
		"12": {
			{"base-files", "12.4+deb12u12", ""},
			{"libc6", "2.36-9+deb12u13", "glibc"},
			{"libssl3", "3.0.17-1~deb12u3", "openssl"},
			{"zlib1g", "1:1.2.13.dfsg-1", "zlib"},
		},
	}
	return Distro{"debian", release, replaced(base[release], packages)}
}

// Alpine is release "3.11" or "3.22" with the usual base packages; the given ones replace or join them by name.
// Of another release there are only the given ones.
func Alpine(release string, packages ...Package) Distro {
	base := map[string][]Package{
		"3.11": {
			{"busybox", "1.31.1-r11", ""},
			{"libssl1.1", "1.1.1l-r0", "openssl"},
			{"musl", "1.1.24-r3", ""},
			{"zlib", "1.2.11-r3", ""},
		},
		"3.22": {
			{"busybox", "1.37.0-r19", ""},
			{"libssl3", "3.5.4-r0", "openssl"},
			{"musl", "1.2.5-r10", ""},
			{"zlib", "1.3.1-r2", ""},
		},
	}
	return Distro{"alpine", release, replaced(base[release], packages)}
}

// rootFiles are there with or without a distribution.
func rootFiles() []file {
	return []file{
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/sbin/nologin\nshop:x:65532:65532:shop:/app:/sbin/nologin\n")},
		{"etc/group", 0o644, []byte("root:x:0:\nshop:x:65532:\n")},
	}
}

func (d Distro) files(architecture string) []file {
	switch d.id {
	case "debian":
		return []file{
			{"etc/os-release", 0o644, d.debianRelease()},
			{"etc/debian_version", 0o644, d.debianVersion()},
			{"var/lib/dpkg/status", 0o644, d.dpkgStatus(architecture)},
		}
	case "alpine":
		return []file{
			{"etc/os-release", 0o644, d.alpineRelease()},
			{"etc/alpine-release", 0o644, []byte(d.release + ".0\n")},
			{"lib/apk/db/installed", 0o644, d.apkInstalled(architecture)},
		}
	default:
		return nil
	}
}

// https://www.freedesktop.org/software/systemd/man/latest/os-release.html
func (d Distro) debianRelease() []byte {
	codename := map[string]string{"10": "buster", "11": "bullseye", "12": "bookworm", "13": "trixie"}[d.release]
	return fmt.Appendf(nil, `PRETTY_NAME="Debian GNU/Linux %[1]s (%[2]s)"
NAME="Debian GNU/Linux"
VERSION_ID="%[1]s"
VERSION="%[1]s (%[2]s)"
VERSION_CODENAME=%[2]s
ID=debian
HOME_URL="https://www.debian.org/"
`, d.release, codename)
}

// debianVersion is the point release, which os-release does not tell.
func (d Distro) debianVersion() []byte {
	point := map[string]string{"11": "11.11", "12": "12.12"}[d.release]
	if point == "" {
		point = d.release + ".0"
	}
	return []byte(point + "\n")
}

func (d Distro) alpineRelease() []byte {
	return fmt.Appendf(nil, `NAME="Alpine Linux"
ID=alpine
VERSION_ID=%[1]s.0
PRETTY_NAME="Alpine Linux v%[1]s"
HOME_URL="https://alpinelinux.org/"
`, d.release)
}

// https://www.debian.org/doc/debian-policy/ch-controlfields.html
func (d Distro) dpkgStatus(architecture string) []byte {
	var b strings.Builder
	for _, one := range d.packages {
		fmt.Fprintf(&b, "Package: %s\nStatus: install ok installed\nPriority: required\nSection: libs\n", one.Name)
		fmt.Fprintf(&b, "Installed-Size: 100\nMaintainer: Debian Maintainers <debian@example.com>\nArchitecture: %s\n", architecture)
		if one.Source != "" {
			fmt.Fprintf(&b, "Source: %s\n", one.Source)
		}
		fmt.Fprintf(&b, "Version: %s\nDescription: the package %s\n\n", one.Version, one.Name)
	}
	return []byte(b.String())
}

// https://wiki.alpinelinux.org/wiki/Apk_spec
func (d Distro) apkInstalled(architecture string) []byte {
	if known := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[architecture]; known != "" {
		architecture = known
	}
	var b strings.Builder
	for _, one := range d.packages {
		origin := one.Source
		if origin == "" {
			origin = one.Name
		}
		fmt.Fprintf(&b, "P:%[1]s\nV:%[2]s\nA:%[3]s\nS:1000\nI:4096\nT:the package %[1]s\nU:https://alpinelinux.org/\nL:MIT\no:%[4]s\n\n",
			one.Name, one.Version, architecture, origin)
	}
	return []byte(b.String())
}
