package lifetime

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var today = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// until is a period that began long ago and ends in so many days; 0: never.
func until(days int) Period {
	p := Period{Start: today.AddDate(-2, 0, 0)}
	if days != 0 {
		p.End = today.AddDate(0, 0, days)
	}
	return p
}

func part(role Role, uri string, periods ...Period) Part {
	p := Part{Role: role, URI: uri}
	for i, period := range periods {
		p.Terms = append(p.Terms, Term{fmt.Sprintf("certificate %d", i+1), period})
	}
	return p
}

func service(role Role, url string, version uint32, p Period) Service {
	return Service{Role: role, URL: url, Version: version, Spoken: version <= 2, Period: p}
}

var everything = []Role{CertificateAuthority, CertificateLog, TransparencyLog}

// lab is a Sigstore that is whole.
func lab() Authority {
	return Authority{Name: "lab", Demanded: everything, Signs: true,
		Parts: []Part{part(CertificateAuthority, "https://ca", until(900), until(400)), part(CertificateLog, "https://ct", until(0)),
			part(TransparencyLog, "https://log", until(0)), part(TimestampAuthority, "https://tsa/stamp", until(300), until(900))},
		Services: []Service{service(CertificateAuthority, "https://ca/", 1, until(0)), service(TransparencyLog, "https://log", 1, until(0)), service(TimestampAuthority, "https://tsa/stamp", 1, until(0))}}
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		change             func(*Authority)
		problems, warnings string
	}{
		"all is well": {func(*Authority) {}, "", ""},
		"an intermediate that ends soon": {func(a *Authority) { a.Parts[0].Terms[1].Period = until(12) }, "",
			"lab: certificate authority https://ca, certificate 2 ends in 12 days, on 2026-05-16"},
		"an intermediate that ends on the last day that is not warned of": {func(a *Authority) { a.Parts[0].Terms[1].Period = until(31) }, "", ""},
		"a root that ends today": {func(a *Authority) { a.Parts[0].Terms[0].Period = Period{End: today.Add(time.Hour)} }, "",
			"lab: certificate authority https://ca, certificate 1 ends in less than a day, on 2026-05-04"},
		"an intermediate that has ended": {func(a *Authority) { a.Parts[0].Terms[1].Period = until(-3) },
			"lab: no certificate authority is in force any more: certificate authority https://ca ended on 2026-05-01\n" +
				"lab: the signing config names the certificate authority https://ca/, and that of the trusted root is not in force", ""},
		"an authority that has ended beside one of the same address": {func(a *Authority) {
			a.Parts = append(a.Parts, part(CertificateAuthority, "https://ca", until(-3)))
		}, "", ""},
		"an authority that has ended beside one of another address": {func(a *Authority) {
			a.Parts[0].Terms[0].Period = until(-3)
			a.Parts = append(a.Parts, part(CertificateAuthority, "https://other", until(500)))
		}, "lab: the signing config names the certificate authority https://ca/, and that of the trusted root is not in force", ""},
		"a root with an intermediate that has ended and one that ends soon": {func(a *Authority) {
			a.Parts = append(a.Parts, part(CertificateAuthority, "https://old", until(-3), until(5)))
		}, "", ""},
		"a log that has not begun": {func(a *Authority) { a.Parts[2].Terms[0].Period = Period{Start: today.Add(time.Hour)} },
			"lab: no transparency log is in force yet: transparency log https://log\n" +
				"lab: the signing config names the transparency log https://log, and that of the trusted root is not in force", ""},
		"a log that begins now": {func(a *Authority) { a.Parts[2].Terms[0].Period = Period{Start: today} }, "", ""},
		"a log that ends now": {func(a *Authority) { a.Parts[2].Terms[0].Period = Period{End: today} }, "",
			"lab: transparency log https://log, certificate 1 ends in less than a day, on 2026-05-04"},
		"no log at all": {func(a *Authority) { a.Parts = append(a.Parts[:2:2], a.Parts[3]) },
			"lab: there is no transparency log, and verification demands one\n" +
				"lab: the signing config names the transparency log https://log, which the trusted root does not know", ""},
		"a timestamp authority that has ended and that nobody demands": {func(a *Authority) {
			a.Parts[3].Terms[0].Period, a.Services = until(-1), a.Services[:2]
		}, "", ""},
		"a service of another address": {func(a *Authority) { a.Services[2].URL = "https://tsa/other" },
			"lab: the signing config names the timestamp authority https://tsa/other, which the trusted root does not know", ""},
		"an address with a slash": {func(a *Authority) { a.Parts[3].URI += "/" }, "", ""},
		"a part without an address": {func(a *Authority) { a.Parts[3].URI = "" }, "",
			"lab: whether the trusted root knows the timestamp authority https://tsa/stamp is not known: it gives one of that kind no address"},
		"a part without an address that has ended": {func(a *Authority) { a.Parts[3].URI, a.Parts[3].Terms[0].Period = "", until(-1) },
			"lab: the signing config names the timestamp authority https://tsa/stamp, which the trusted root does not know", ""},
		"the same address of another role": {func(a *Authority) { a.Services[2].URL = "https://log" },
			"lab: the signing config names the timestamp authority https://log, which the trusted root does not know", ""},
		"a service that has ended": {func(a *Authority) { a.Services[1].Period = until(-1) },
			"lab: the signing config names no transparency log that is in force and that stepseal can speak with, and verification demands one", ""},
		"a service that ends soon": {func(a *Authority) { a.Services[1].Period = until(1) }, "",
			"lab: the signing config names the transparency log https://log until 2026-05-05, which is in 1 day"},
		"a service of a version that is not spoken": {func(a *Authority) { a.Services[1].Version, a.Services[1].Spoken = 3, false },
			"lab: the signing config names no transparency log that is in force and that stepseal can speak with, and verification demands one", ""},
		"no log among the services": {func(a *Authority) { a.Services = append(a.Services[:1:1], a.Services[2]) },
			"lab: the signing config names no transparency log that is in force and that stepseal can speak with, and verification demands one", ""},
		"no service at all": {func(a *Authority) { a.Services = nil },
			"lab: the signing config names no certificate authority that is in force and that stepseal can speak with, and verification demands one\n" +
				"lab: the signing config names no transparency log that is in force and that stepseal can speak with, and verification demands one", ""},
		"no signing config": {func(a *Authority) { a.Services, a.Signs = nil, false }, "", ""},
		"a log without a clock": {func(a *Authority) { a.Services[1].Version, a.Services = 2, a.Services[:2] },
			"lab: nobody says when something was signed: a log of version 2 does not, and the signing config names no timestamp authority", ""},
		"a log without a clock, and a timestamp authority": {func(a *Authority) { a.Services[1].Version = 2 }, "", ""},
		"timestamps are demanded": {func(a *Authority) {
			a.Demanded, a.Parts, a.Services = []Role{CertificateAuthority, TimestampAuthority}, a.Parts[:1], a.Services[:1]
		}, "lab: there is no timestamp authority, and verification demands one\n" +
			"lab: the signing config names no timestamp authority that is in force and that stepseal can speak with, and verification demands one", ""},
		"a key": {func(a *Authority) {
			*a = Authority{Name: "build", Demanded: []Role{Key}, Parts: []Part{{Role: Key, Terms: []Term{{Of: "sha256:ab"}}}}}
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := lab()
			c.change(&a)
			got := Judge([]Authority{a}, nil, today, 30*24*time.Hour)
			if diff := cmp.Diff(c.problems, strings.Join(got.Problems, "\n")); diff != "" {
				t.Error("problems: " + diff)
			}
			if diff := cmp.Diff(c.warnings, strings.Join(got.Warnings, "\n")); diff != "" {
				t.Error("warnings: " + diff)
			}
		})
	}
}

func TestAnswersAreJudged(t *testing.T) {
	tsa := lab().Services[2]
	for name, c := range map[string]struct {
		answer                      Answer
		state                       State
		what, unavailable, warnings string
	}{
		"it answers":                    {Answer{}, Answers, "timestamp authority https://tsa/stamp", "", ""},
		"it does not":                   {Answer{Problem: "connection refused"}, NoAnswer, "timestamp authority https://tsa/stamp", "lab: the timestamp authority https://tsa/stamp: connection refused", ""},
		"it answers something else":     {Answer{Doubt: "it answers 404"}, Answers, "timestamp authority https://tsa/stamp: it answers 404", "", "lab: the timestamp authority https://tsa/stamp: it answers 404"},
		"its clock is right":            {Answer{Timed: true, Ahead: 300 * time.Millisecond}, Answers, "timestamp authority https://tsa/stamp, its clock as this machine's", "", ""},
		"its clock is a little behind":  {Answer{Timed: true, Ahead: -5 * time.Minute}, Answers, "timestamp authority https://tsa/stamp, its clock 5m0s behind", "", ""},
		"its clock is far behind":       {Answer{Timed: true, Ahead: -5*time.Minute - time.Second}, Answers, "timestamp authority https://tsa/stamp, its clock 5m1s behind", "", "lab: the clock of the timestamp authority https://tsa/stamp is 5m1s behind; tokens and certificates are good for minutes"},
		"its clock is far ahead":        {Answer{Timed: true, Ahead: time.Hour}, Answers, "timestamp authority https://tsa/stamp, its clock 1h0m0s ahead", "", "lab: the clock of the timestamp authority https://tsa/stamp is 1h0m0s ahead; tokens and certificates are good for minutes"},
		"it fails, and says what it is": {Answer{Problem: "it answers 503", Timed: true}, NoAnswer, "timestamp authority https://tsa/stamp, its clock as this machine's", "lab: the timestamp authority https://tsa/stamp: it answers 503", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.answer.Authority, c.answer.Service = "lab", tsa
			got := Judge(nil, []Answer{c.answer}, today, 0)
			want := Report{Rows: []Row{{State: c.state, Authority: "lab", What: c.what}}}
			got.Rows[0].urgency = 0
			if c.unavailable != "" {
				want.Unavailable = []string{c.unavailable}
			}
			if c.warnings != "" {
				want.Warnings = []string{c.warnings}
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Row{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTheMostUrgentIsFirst: what fails, what ends soon, what ends later, what does not end, and last what is over.
func TestTheMostUrgentIsFirst(t *testing.T) {
	a := Authority{Name: "lab", Demanded: []Role{CertificateAuthority, TransparencyLog}, Parts: []Part{
		part(CertificateAuthority, "https://old", until(-400)), part(CertificateAuthority, "https://a", until(0)), part(CertificateAuthority, "https://b", until(900)),
		part(CertificateAuthority, "https://c", until(20)), part(CertificateAuthority, "https://d", until(10)), part(TransparencyLog, "https://log", until(-1), until(800)),
	}, Services: []Service{service(TimestampAuthority, "https://tsa", 1, until(0))}}
	var got []string
	for _, row := range Judge([]Authority{a}, nil, today, 30*24*time.Hour).Rows {
		got = append(got, fmt.Sprintf("%s %d %s", row.State, row.Days, strings.Fields(row.What)[2]))
	}
	want := []string{"ended -1 https://log,", "not covered 0 authority", "ends soon 10 https://d,", "ends soon 20 https://c,", "in force 800 https://log,", "in force 900 https://b,", "in force 0 https://a,", "ended -400 https://old,"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAServiceShowsIsHeldAgainstWhatIsTrusted(t *testing.T) {
	const refused = "lab: the timestamp authority https://tsa/stamp shows one, and the trusted root has only others that are in force: what it makes from now on is not trusted"
	for name, c := range map[string]struct {
		change  func(*Authority)
		shows   []Shown
		problem string
	}{
		"it shows what is held":                    {func(*Authority) {}, []Shown{{"a", "one"}}, ""},
		"it shows something else":                  {func(*Authority) {}, []Shown{{"b", "one"}}, refused},
		"one of what it shows is held":             {func(*Authority) {}, []Shown{{"b", "one"}, {"a", ""}}, ""},
		"it shows nothing":                         {func(*Authority) {}, nil, ""},
		"nothing is held by which it may be known": {func(a *Authority) { a.Parts[3].IDs = nil }, []Shown{{"a", "one"}}, refused},
		"that is held for something else":          {func(a *Authority) { a.Parts[0].IDs, a.Parts[3].IDs = []string{"b"}, nil }, []Shown{{"b", "one"}}, refused},
		"that has ended beside another": {func(a *Authority) {
			old := part(TimestampAuthority, "https://tsa/stamp", until(-1))
			old.IDs = []string{"b"}
			a.Parts = append(a.Parts, old)
		}, []Shown{{"b", "one"}}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			a := lab()
			a.Parts[3].IDs = []string{"a"}
			c.change(&a)
			got := Judge([]Authority{a}, []Answer{{Authority: "lab", Service: a.Services[2], Shows: c.shows}}, today, 0)
			if diff := cmp.Diff(c.problem, strings.Join(got.Problems, "\n")); diff != "" {
				t.Error(diff)
			}
			if first := got.Rows[0]; (first.State == NotTrusted) != (c.problem != "") {
				t.Errorf("%+v", first)
			}
			if other := Judge([]Authority{a}, []Answer{{Authority: "another", Service: a.Services[2], Shows: c.shows}}, today, 0); len(other.Problems) > 0 {
				t.Errorf("%q", other.Problems)
			}
		})
	}
}
