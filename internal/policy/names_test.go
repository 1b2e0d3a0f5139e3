package policy_test

import (
	"testing"

	"github.com/stepseal/stepseal/internal/policy"
)

func TestNamesOfPackages(t *testing.T) {
	for _, test := range []struct {
		of                   policy.Package
		full, common, source string
	}{
		{policy.Package{Name: "libssl3", Type: "deb", PURL: "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&upstream=openssl"}, "debian/libssl3", "libssl3", "openssl"},
		{policy.Package{Name: "libssl3", Type: "deb", PURL: "pkg:deb/debian/libssl3@3.0.11-1%2Bb1?upstream=openssl%403.0.11-1"}, "debian/libssl3", "libssl3", "openssl"},
		{policy.Package{Name: "openssl", Type: "deb", PURL: "pkg:deb/debian/openssl@3.0.11-1?arch=amd64"}, "debian/openssl", "openssl", "openssl"},
		{policy.Package{Name: "openssl-libs", Type: "rpm", PURL: "pkg:rpm/redhat/openssl-libs@3.0.7-6.el9?upstream=openssl-3.0.7-6.el9.src.rpm"}, "redhat/openssl-libs", "openssl-libs", "openssl"},
		{policy.Package{Name: "java-17-openjdk-headless", Type: "rpm", PURL: "pkg:rpm/redhat/java-17-openjdk-headless@17?upstream=java-17-openjdk-17.0.9.0.9-2.el9.src.rpm"}, "redhat/java-17-openjdk-headless", "java-17-openjdk-headless", "java-17-openjdk"},
		{policy.Package{Name: "x", Type: "rpm", PURL: "pkg:rpm/redhat/x@1?upstream=nonsense"}, "redhat/x", "x", "x"},
		{policy.Package{Name: "ssl_client", Type: "apk", PURL: "pkg:apk/alpine/ssl_client@1.36?upstream=busybox"}, "alpine/ssl_client", "ssl_client", "busybox"},
		{policy.Package{Name: "log4j-core", Type: "java-archive", PURL: "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"}, "org.apache.logging.log4j:log4j-core", "org.apache.logging.log4j:log4j-core", "org.apache.logging.log4j:log4j-core"},
		{policy.Package{Name: "core", Type: "npm", PURL: "pkg:npm/%40babel/core@7?upstream=x"}, "@babel/core", "@babel/core", "@babel/core"},
		{policy.Package{Name: "zlib", Type: "deb"}, "zlib", "zlib", "zlib"},
	} {
		if got := [3]string{test.of.FullName(), test.of.CommonName(), test.of.Source()}; got != [3]string{test.full, test.common, test.source} {
			t.Errorf("%s: got %q", test.of.PURL, got)
		}
	}
}
