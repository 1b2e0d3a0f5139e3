package policy

import "testing"

func TestAFingerprintOutlivesRebuildsAndUpgrades(t *testing.T) {
	at := func(version, path, layer string) Finding {
		return Finding{ID: "CVE-2021-44228", Package: Package{Name: "log4j-core", Version: version, Type: "java-archive"},
			Locations: []Location{{Path: path, Layer: layer}}}
	}
	first := at("2.14.1", "/app/lib/log4j-core-2.14.1.jar", "sha256:1").Fingerprint()
	if again := at("2.15.0", "/app/lib/log4j-core-2.15.0.jar", "sha256:2").Fingerprint(); again != first {
		t.Error("another version in another layer has another fingerprint")
	}
	if elsewhere := at("2.14.1", "/opt/other/log4j-core-2.14.1.jar", "sha256:1").Fingerprint(); elsewhere == first {
		t.Error("another place has the same fingerprint")
	}
	two := at("2.14.1", "/a/x.jar", "")
	two.Locations = append(two.Locations, Location{Path: "/b/x.jar"})
	turned := two
	turned.Locations = []Location{two.Locations[1], two.Locations[0]}
	if two.Fingerprint() != turned.Fingerprint() {
		t.Error("the order of the places counts")
	}
}
