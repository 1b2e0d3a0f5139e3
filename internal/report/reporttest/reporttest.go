// Package reporttest makes views of scans that reports are tested on: small and large, plain and hostile. All of them are
// decided by the policy, and none of them is of a real image.
package reporttest

import (
	"fmt"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/vex"
)

// Today is the day on which all of them are decided.
const Today policy.Day = "2026-11-24"

const (
	baseLayer = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
	ownLayer  = "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
	digest    = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
)

// Decided is a view of the findings under a policy.
func Decided(found policy.Found, policies ...policy.Policy) report.View {
	found.Image = "registry.example.com/team/storefront@" + digest
	found.BaseLayers = []string{baseLayer}
	if found.Coverage == nil {
		found.Coverage = []policy.Coverage{{Type: "deb", Release: "debian:12", Packages: 118, Covered: true}, {Type: "npm", Packages: 611, Covered: true}}
	}
	found.Packages = 729
	built := time.Date(2026, 11, 23, 4, 12, 9, 0, time.UTC)
	return report.View{
		Image: found.Image, Repository: "registry.example.com/team/storefront", Digest: digest, Platform: "linux/amd64", Stepseal: "1.4.0", Grype: "v0.120.1",
		Decision: policy.Decide(found, Today, policies...), BaseLayers: found.BaseLayers, Packages: found.Packages, Unreadable: found.Unreadable,
		Database: report.Database{SHA256: "sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9", Built: built, Data: built.Add(-7 * time.Hour),
			Providers: []report.Provider{{Name: "debian", Captured: built.Add(-9 * time.Hour)}, {Name: "github", Captured: built.Add(-7 * time.Hour)}, {Name: "nvd", Captured: built.Add(-30 * time.Hour)}}},
		Locate: func(f policy.Finding) (string, int) {
			if f.Package.Type == "npm" {
				return "package-lock.json", 412
			}
			return "", 0
		},
	}
}

// Empty has nothing to report.
func Empty() report.View {
	return Decided(policy.Found{}, policy.Policy{Rules: policy.Rules{FailOn: policy.LimitHigh}})
}

// One has one finding, which refuses.
func One() report.View {
	return Decided(policy.Found{Findings: []policy.Finding{Log4Shell()}}, policy.Policy{Rules: policy.Rules{FailOn: policy.LimitHigh}})
}

// Log4Shell is a finding with everything that a finding can have.
func Log4Shell() policy.Finding {
	return policy.Finding{ID: "GHSA-jfh8-c2jp-5v3q", Aliases: []string{"CVE-2021-44228"}, Severity: policy.Critical, CVSS: []policy.CVSS{{Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Score: 10}},
		Fix: policy.Fix{State: policy.Fixed, Versions: []string{"2.12.2", "2.15.0", "2.3.1"}, Since: "2021-12-10"}, KnownExploited: true, EPSS: 0.97, Risk: 100,
		Package:   policy.Package{Name: "log4j-core", Version: "2.14.1", Type: "java-archive", PURL: "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"},
		Locations: []policy.Location{{Path: "/app/storefront.jar", AccessPath: "/app/storefront.jar:BOOT-INF/lib/log4j-core-2.14.1.jar", Layer: ownLayer}},
		Via:       []string{"com.example:storefront 1.4.0", "org.springframework.boot:spring-boot-starter-log4j2 2.5.6", "org.apache.logging.log4j:log4j-core 2.14.1"},
		Matcher:   "exact-direct-match java-matcher", Provider: "github", Namespace: "github:language:java",
		URLs:        []string{"https://github.com/advisories/GHSA-jfh8-c2jp-5v3q", "https://logging.apache.org/log4j/2.x/security.html"},
		Description: "Log4j2 JNDI features used in configuration, log messages, and parameters do not protect against attacker controlled LDAP and other JNDI related endpoints."}
}

// package names and what is found in each: enough to look like an image.
var storefront = []struct {
	kind, name, version, fix, path string
	base                           bool
	n                              int
	worst                          policy.Severity
}{
	{"deb", "libssl3", "3.0.11-1~deb12u1", "3.0.17-1~deb12u3", "/var/lib/dpkg/status", true, 9, policy.High},
	{"deb", "openssl", "3.0.11-1~deb12u1", "3.0.17-1~deb12u3", "/var/lib/dpkg/status", true, 9, policy.High},
	{"deb", "libc6", "2.36-9+deb12u3", "2.36-9+deb12u13", "/var/lib/dpkg/status", true, 7, policy.Critical},
	{"deb", "perl-base", "5.36.0-7", "", "/var/lib/dpkg/status", true, 4, policy.Critical},
	{"deb", "zlib1g", "1:1.2.13.dfsg-1", "", "/var/lib/dpkg/status", true, 2, policy.Critical},
	{"deb", "libexpat1", "2.5.0-1", "2.5.0-1+deb12u2", "/var/lib/dpkg/status", true, 6, policy.High},
	{"deb", "tar", "1.34+dfsg-1.2", "", "/var/lib/dpkg/status", true, 2, policy.Low},
	{"npm", "lodash", "4.17.15", "4.17.21", "/srv/node_modules/lodash/package.json", false, 5, policy.High},
	{"npm", "axios", "0.21.1", "1.8.2", "/srv/node_modules/axios/package.json", false, 4, policy.High},
	{"npm", "express", "4.16.0", "4.20.0", "/srv/node_modules/express/package.json", false, 3, policy.Medium},
	{"npm", "minimist", "1.2.0", "1.2.6", "/srv/node_modules/mkdirp/node_modules/minimist/package.json", false, 2, policy.Critical},
	{"npm", "semver", "5.7.1", "5.7.2", "/srv/node_modules/semver/package.json", false, 1, policy.High},
	{"npm", "word-wrap", "1.2.3", "1.2.4", "/srv/node_modules/word-wrap/package.json", false, 1, policy.Medium},
}

func storefrontFindings() []policy.Finding {
	all := []policy.Finding{Log4Shell()}
	for p, of := range storefront {
		for i := range of.n {
			severity := max(policy.Unknown, of.worst-policy.Severity(i*3/of.n)-policy.Severity(i%2))
			f := policy.Finding{ID: fmt.Sprintf("CVE-20%02d-%05d", 19+(p+i)%7, 10300+p*371+i*97), Severity: severity, EPSS: float64((p*7+i*13)%40) / 1000,
				Fix: policy.Fix{State: policy.NotFixed}, Package: policy.Package{Name: of.name, Version: of.version, Type: of.kind, PURL: "pkg:" + of.kind + "/" + of.name + "@" + of.version},
				Locations: []policy.Location{{Path: of.path, Layer: ownLayer}}, Matcher: "exact-direct-match", Provider: "nvd", Namespace: "debian:distro:debian:12",
				Description: "A crafted input lets " + of.name + " read beyond the end of a buffer, which ends the process and may disclose what lies in memory behind it."}
			f.URLs = []string{"https://nvd.nist.gov/vuln/detail/" + f.ID}
			if of.base {
				f.Locations[0].Layer = baseLayer
				f.Package.PURL = "pkg:deb/debian/" + of.name + "@" + of.version + "?arch=amd64&distro=debian-12"
				if of.name == "libssl3" {
					f.Package.PURL += "&upstream=openssl"
				}
			} else {
				f.Via = []string{"storefront 1.4.0", "build-tools 2.0.3", of.name + " " + of.version}
			}
			if of.fix != "" {
				f.Fix = policy.Fix{State: policy.Fixed, Versions: []string{of.fix}, Since: "2026-03-02"}
			}
			all = append(all, f)
		}
	}
	return all
}

// Storefront is an image as there are many: some dozens of findings, waivers, VEX statements, a baseline.
func Storefront() report.View {
	findings := storefrontFindings()
	waive := func(f policy.Finding, days int, reason string) policy.Waiver {
		pattern, err := policy.ParsePattern(f.Package.Name)
		if err != nil {
			panic(err) // the names above
		}
		return policy.Waiver{ID: f.ID, Package: pattern, Reason: reason, Owner: "payments@example.com", Expires: Today.Add(days)}
	}
	nobody, err := policy.ParsePattern("left-pad")
	if err != nil {
		panic(err)
	}
	p := policy.Policy{Rules: policy.Rules{FailOn: policy.LimitHigh, FailOnKnownExploited: true, OnlyFixed: true}}
	p.Waivers = []policy.Waiver{waive(findings[30], 6, "the parser is behind the gateway, which drops such bodies; TICKET-812"),
		waive(findings[43], 58, "axios is called with addresses of our own only"), waive(findings[48], -3, "upgrade planned"),
		{ID: "CVE-2018-3728", Package: nobody, Reason: "left in the lock file by accident", Owner: "web@example.com", Expires: Today.Add(120)}}
	for _, f := range findings[20:23] {
		p.Statements = append(p.Statements, policy.Statement{Statement: vex.Statement{IDs: []string{f.ID}, Status: vex.NotAffected, Justification: "vulnerable_code_not_in_execute_path",
			Products: []vex.Product{{PURL: f.Package.PURL}}}, Source: policy.VEXSource{Document: "vex/debian.openvex.json", Author: "Example Security", Signer: "https://github.com/example/vex/.github/workflows/sign.yml@refs/heads/main"}})
	}
	gone := policy.Finding{ID: "CVE-2024-37890", Severity: policy.High, Package: policy.Package{Name: "ws", Version: "7.4.0", Type: "npm"}}
	p.Baseline = policy.NewBaseline("registry.example.com/team/storefront:1.3.0", append([]policy.Finding{gone}, findings[8:]...))
	v := Decided(policy.Found{Findings: findings, Unreadable: []policy.Unreadable{{Path: "/srv/vendor/old.jar", Cataloger: "java-archive-cataloger", Error: "zip: not a valid zip file"}},
		Coverage: []policy.Coverage{{Type: "deb", Release: "debian:12", Packages: 118, Covered: true}, {Type: "java-archive", Packages: 42, Covered: true}, {Type: "npm", Packages: 611, Covered: true}, {Type: "lua-rocks", Packages: 2, EndOfLife: ""}},
	}, p, policy.Policy{Rules: policy.Rules{FailOn: policy.LimitCritical, OnlyFixed: true, AllowUncovered: []string{"lua-rocks"}}})
	v.Unmatchable = 3
	v.Settings = []report.Setting{{Name: "fail-on", Value: "high", From: ".stepseal.yaml"}, {Name: "fail-on-known-exploited", Value: "true", From: "policy base floor.yaml"},
		{Name: "only-fixed", Value: "true", From: "--only-fixed"}, {Name: "report-on", Value: "low", From: "STEPSEAL_REPORT_ON"}, {Name: "max-database-age", Value: "120h", From: "default"}}
	v.Quality = []report.Standard{{Name: "NTIA 2021", Elements: []report.Element{{Name: "supplier", Has: 611, All: 729}, {Name: "component name", Has: 729, All: 729}, {Name: "version", Has: 726, All: 729}, {Name: "unique identifier", Has: 729, All: 729}, {Name: "dependency relationship", Has: 729, All: 729}, {Name: "author of SBOM data", Has: 1, All: 1}, {Name: "timestamp", Has: 1, All: 1}}}}
	v.ReportOn = policy.LimitLow
	return v
}

// Many has n findings, in packages enough.
func Many(n int) report.View {
	findings := make([]policy.Finding, n)
	for i := range findings {
		f := Log4Shell()
		f.ID, f.Aliases, f.KnownExploited, f.EPSS = fmt.Sprintf("CVE-2026-%06d", i), nil, i%97 == 0, float64(i%100)/100
		f.Severity = policy.Severity(i % 6)
		f.Package = policy.Package{Name: fmt.Sprintf("package-%d", i%977), Version: "1.0.0", Type: "npm", PURL: fmt.Sprintf("pkg:npm/package-%d@1.0.0", i%977)}
		f.Fix.Versions = []string{fmt.Sprintf("1.%d.0", 1+i%9)}
		f.Locations = []policy.Location{{Path: fmt.Sprintf("/srv/node_modules/package-%d/package.json", i%977), Layer: ownLayer}}
		findings[i] = f
	}
	return Decided(policy.Found{Findings: findings}, policy.Policy{Rules: policy.Rules{FailOn: policy.LimitHigh}})
}

// HostileStrings are what somebody may put into a name to break out of a report, or to lie in one.
func HostileStrings() []string {
	return []string{
		"", " ", "\x00", "\xff\xfe\xfd", "a\nb", "a\r\n::error::pwned", "::set-output name=verdict::accepted", "##[error]x", "##vso[task.complete result=Succeeded]",
		"<script>document.title='pwned'</script>", "</script><script>document.title='pwned'</script>", "<!--<script>", "-->", "]]>", "<![CDATA[x]]>", "&amp;&#x3c;", "&unknown;",
		`"><img src=x onerror="document.title='pwned'">`, "'onmouseover='document.title=1'", "{{.Title}}", "${jndi:ldap://127.0.0.1/a}", "{0} {{1}}",
		"[click](javascript:document.title='pwned')", "![x](http://127.0.0.1:9/x.png)", "[1](1)", "| a | b |\n| - | - |", "`code` **bold** _it_ ~~x~~", "@everyone #1 !1 $1", "www.example.com https://example.com", "</details></summary>", "# head", "- [ ] x", "\\", "\\\"", "\"},{\"a\":\"",
		"\u2028\u2029", "\u202egnp.exe", "\u2066x\u2069", "\ufeff", "\u200b", "\ufffe\uffff", "\U000e0041", "\x1b[2J\x1b]8;;http://x\x07", "\x7f\u0085\u009b", "\ud7ff\ue000", "é̂̃̄", "𝕳𝖎", strings.Repeat("A", 70_000), strings.Repeat("\u202e", 5000), strings.Repeat("é", 9999),
		"../../../etc/passwd", "/../..//a/./b", "C:\\windows", "file:///etc/passwd", "http://127.0.0.1/x", "javascript:alert(1)", "%00%2e%2e%2f", "a:b", "//host/share", "?q#f", "=cmd|'/c calc'!A0", "-rf", "--help", "$(id)", "; id", "\t", "a\vb\fc",
	}
}

// Hostile has such a string in every place that strangers fill.
func Hostile() report.View { return HostileWith(HostileStrings()...) }

// HostileWith has these strings there.
func HostileWith(texts ...string) report.View {
	var findings []policy.Finding
	var unreadable []policy.Unreadable
	for i, s := range texts {
		f := policy.Finding{ID: s, Aliases: []string{s}, Severity: policy.Severity(i % 6), CVSS: []policy.CVSS{{Version: s, Vector: s, Score: 5}}, Fix: policy.Fix{State: policy.Fixed, Versions: []string{s, "2"}, Since: policy.Day(s)},
			Package: policy.Package{Name: s, Version: s, Type: s, PURL: s}, Locations: []policy.Location{{Path: s, AccessPath: s, Layer: s}}, Via: []string{s, s}, Matcher: s, Provider: s, Namespace: s, URLs: []string{s, "https://example.com/" + s}, Description: s}
		findings = append(findings, f)
		unreadable = append(unreadable, policy.Unreadable{Path: s, Cataloger: s, Error: s, Decisive: i%3 == 0})
	}
	all := strings.ToValidUTF8(strings.Join(texts, " "), "")
	p := policy.Policy{Name: all, Rules: policy.Rules{FailOn: policy.LimitMedium, NewOnly: true}, Baseline: policy.NewBaseline(all, findings[:len(findings)/2])}
	p.Baseline.Findings = append(p.Baseline.Findings, policy.Finding{ID: "gone " + all, Package: policy.Package{Name: all, Version: all}})
	for _, s := range texts {
		p.Statements = append(p.Statements, policy.Statement{Statement: vex.Statement{IDs: []string{s}, Status: vex.NotAffected, Justification: s, Products: []vex.Product{{PURL: "pkg:npm/x"}, {Digest: digest}}}, Source: policy.VEXSource{Document: s, Author: s, Signer: s}})
		if pattern, err := policy.ParsePattern(s); err == nil {
			p.Waivers = append(p.Waivers, policy.Waiver{ID: "CVE-1", Package: pattern, Reason: s, Owner: s, Expires: Today.Add(3)})
		}
	}
	v := Decided(policy.Found{Findings: findings, Unreadable: unreadable, Subject: vex.Image{Digests: []string{digest}}, Coverage: []policy.Coverage{{Type: all, Release: all, Packages: 1}}}, p)
	for i := range v.Decision.Judged {
		if i%2 == 0 { // what only a VEX statement about an image can excuse stays in one half
			v.Decision.Judged[i].Judgement = policy.Judgement{Status: policy.Refuses, Rule: texts[i], Why: texts[i]}
		}
	}
	v.Decision.Violations = []policy.Violation{{ID: all, Package: policy.Package{Name: all}, Message: all, Judgement: policy.Judgement{Status: policy.Refuses, Why: all}}}
	v.Image, v.Repository, v.Digest, v.Platform = all, all, all, all // versions are our own words
	v.Database.SHA256 = all
	for _, s := range texts {
		v.Database.Providers = append(v.Database.Providers, report.Provider{Name: s})
		v.Settings = append(v.Settings, report.Setting{Name: s, Value: s, From: s})
		v.Notes = append(v.Notes, s)
		v.Quality = append(v.Quality, report.Standard{Name: s, Elements: []report.Element{{Name: s, Has: 1, All: 2}}})
	}
	at := 0
	v.Locate = func(policy.Finding) (string, int) { at++; return texts[at%len(texts)], at - 3 }
	return v
}
