package trust

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const workflow = `^https://github\.com/acme/api/\.github/workflows/release\.yml@refs/tags/v[0-9]+$`

// taken are expressions, each with a text that it fits.
var taken = []struct {
	of         Claim
	text, fits string
}{
	{Issuer, `^https://token\.actions\.githubusercontent\.com/acme/(?:a|b)$`, "https://token.actions.githubusercontent.com/acme/a"},
	{Issuer, `^https://container\.googleapis\.com/v1/projects/acme/locations/[a-z0-9-]+/clusters/[a-z]+$`, "https://container.googleapis.com/v1/projects/acme/locations/eu/clusters/ci"},
	{Issuer, `^https://oidc\.circleci\.com/org/b9a2/.*$`, "https://oidc.circleci.com/org/b9a2/x"},
	{Issuer, `^https://login\.internal:8443/realms/(ci|cd)$`, "https://login.internal:8443/realms/ci"},
	{Subject, workflow, "https://github.com/acme/api/.github/workflows/release.yml@refs/tags/v1"},
	{Subject, `^https:\/\/github\.com\/acme\/.*$`, "https://github.com/acme/api/.github/workflows/a.yml@refs/heads/main"},
	{Subject, `^https://github[.]com/acme/[^@]*@refs/heads/main$`, "https://github.com/acme/api/.github/workflows/a.yml@refs/heads/main"},
	{Subject, `^https://github\x2ecom/acme/[^/@]+/\.github/workflows/(release|nightly)\.yml@refs/heads/main$`, "https://github.com/acme/api/.github/workflows/nightly.yml@refs/heads/main"},
	{Subject, `^\Qhttps://github.com/acme/api/\E[a-z./]+@refs/heads/(?P<branch>.*)$`, "https://github.com/acme/api/.github/workflows/a.yml@refs/heads/main"},
	{Subject, `^https://github\.com/acme/api/\.github/workflows/(?:a\.yml@refs/heads/main|b\.yml@refs/tags/.*)$`, "https://github.com/acme/api/.github/workflows/b.yml@refs/tags/v1"},
	{Subject, `^https://gitlab\.com/acme/[a-z]+//\.gitlab-ci\.yml@refs/heads/main$`, "https://gitlab.com/acme/api//.gitlab-ci.yml@refs/heads/main"},
	{Subject, `^https://kubernetes\.io/namespaces/ci/serviceaccounts/[a-z-]+$`, "https://kubernetes.io/namespaces/ci/serviceaccounts/tekton-bot"},
	{Subject, `^spiffe://acme\.example/ns/ci/.*$`, "spiffe://acme.example/ns/ci/sa/builder"},
	{Subject, `^[a-z0-9._-]+@acme\.example$`, "jo.doe@acme.example"},
	{Subject, `^(?:jo|al)\+ci@acme\.example$`, "al+ci@acme.example"},
	{CallerWorkflow, workflow, "https://github.com/acme/api/.github/workflows/release.yml@refs/tags/v1"},
	{SourceRepository, `^https://github\.com/acme/.*$`, "https://github.com/acme/api"},
	{SourceRepository, `^https://github\.com/acme/(?:api|web)$`, "https://github.com/acme/web"},
	{SourceRef, `^refs/heads/.*$`, "refs/heads/main"},
	{SourceRef, `^refs/tags/v[0-9.]+$`, "refs/tags/v1.2"},
}

func TestAPatternThatSaysWhoseItIsIsTaken(t *testing.T) {
	for _, c := range taken {
		p, err := ParsePattern(c.of, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if !p.Fits(c.fits) || !p.Given() || p.Exact() != "" || p.Expression() != c.text {
			t.Errorf("%s does not fit %s", c.text, c.fits)
		}
	}
}

func TestAttack12PatternThatFitsStrangersIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		of         Claim
		text, want string
	}{
		"nothing":                       {Subject, ``, "it is empty"},
		"any text at all":               {Subject, `.*`, "it does not begin with ^"},
		"anything between anchors":      {Subject, `^.*$`, `it begins with "" as plain text; it has to begin with https://HOST/, or spiffe://TRUST-DOMAIN/, or to end with @`},
		"any issuer":                    {Issuer, `^.*$`, `it begins with "" as plain text; it has to begin with https://HOST/`},
		"any host":                      {Subject, `^https://.*$`, "reach beyond the host"},
		"a host without its slash":      {Subject, `^https://github\.com.*$`, "reach beyond the host"},
		"a host and any end":            {Issuer, `^https://token\.actions\.githubusercontent\.com.*$`, "reach beyond the host"},
		"any organisation":              {Subject, `^https://github\.com/.*$`, "reach beyond https://github.com/ORGANISATION/"},
		"an organisation and any end":   {Subject, `^https://github\.com/acme.*$`, "reach beyond https://github.com/ORGANISATION/"},
		"an optional slash":             {Subject, `^https://github\.com/acme/?.*$`, "reach beyond https://github.com/ORGANISATION/"},
		"a dot in the host":             {Subject, `^https://github.com/acme/api$`, `it begins with "https://github" as plain text, which has to reach beyond the host in lower case and the / after it; write \. for a dot`},
		"a choice of hosts":             {Subject, `^https://(?:github\.com|.*)/acme/api$`, "reach beyond the host"},
		"a choice of schemes":           {Subject, `^https?://github\.com/acme/api$`, "has to begin with https://HOST/"},
		"a plain scheme":                {Subject, `^http://github\.com/acme/api$`, "has to begin with https://HOST/"},
		"another user of the host":      {Subject, `^https://github\.com@evil\.example/acme/api$`, "reach beyond the host"},
		"an upper-case host":            {Subject, `^https://GitHub\.com/acme/api$`, "reach beyond the host"},
		"no host":                       {Subject, `^https:///acme/api/.*$`, "reach beyond the host"},
		"a way upwards":                 {Subject, `^https://github\.com/\.\./.*$`, "reach beyond https://github.com/ORGANISATION/"},
		"an empty organisation":         {Subject, `^https://github\.com//.*$`, "reach beyond https://github.com/ORGANISATION/"},
		"a query for the organisation":  {Subject, `^https://github\.com/\?/.*$`, "reach beyond https://github.com/ORGANISATION/"},
		"any namespace":                 {Subject, `^https://kubernetes\.io/namespaces/.*$`, "reach beyond https://kubernetes.io/namespaces/NAMESPACE/"},
		"another path for a namespace":  {Subject, `^https://kubernetes\.io/accounts/ci/.*$`, "reach beyond https://kubernetes.io/namespaces/NAMESPACE/"},
		"any cluster of a provider":     {Issuer, `^https://oidc\.eks\.eu-west-1\.amazonaws\.com/id/.*$`, "reach beyond https://oidc.eks.eu-west-1.amazonaws.com/id/CLUSTER/"},
		"any project of a provider":     {Issuer, `^https://container\.googleapis\.com/v1/projects/.*$`, "reach beyond https://container.googleapis.com/v1/projects/PROJECT/"},
		"any tenant of an issuer":       {Issuer, `^https://login\.microsoftonline\.com/[a-z0-9-]+/v2\.0$`, "reach beyond https://login.microsoftonline.com/TENANT/"},
		"any trust domain":              {Subject, `^spiffe://.*/ns/ci$`, "reach beyond the host"},
		"a trust domain as an issuer":   {Issuer, `^spiffe://acme\.example/.*$`, "has to begin with https://HOST/"},
		"no beginning":                  {Subject, `https://github\.com/acme/api$`, "it does not begin with ^"},
		"another beginning":             {Subject, `\Ahttps://github\.com/acme/api$`, "it does not begin with ^"},
		"a ^ that is escaped":           {Subject, `\^https://github\.com/acme/api$`, "it does not begin with ^"},
		"no end":                        {Subject, `^https://github\.com/acme/api/.*`, "it does not end with $"},
		"another end":                   {Subject, `^https://github\.com/acme/api\z`, "it does not end with $"},
		"a $ that is escaped":           {Subject, `^https://github\.com/acme/api\$`, "it does not end with $"},
		"a $ in a class":                {Subject, `^https://github\.com/acme/api[$]`, "it does not end with $"},
		"a $ that is quoted":            {Subject, `^https://github\.com/acme/\Qapi$`, "it does not end with $"},
		"an end in a group":             {Subject, `^(?:https://github\.com/acme/api$)`, "it does not end with $"},
		"a space behind":                {Subject, "^https://github\\.com/acme/api$ ", "begins or ends with a space"},
		"an end that may be":            {Subject, `^https://github\.com/acme/api(?:$|.*$)`, "it does not end with $"},
		"an end that repeats":           {Subject, `^https://github\.com/acme/api(?:$)*`, "it does not end with $"},
		"two expressions":               {Subject, `^https://github\.com/acme/api$|.*$`, "it is two expressions"},
		"two anchored expressions":      {Subject, `^https://github\.com/acme/api$|^.*$`, "it is two expressions"},
		"two beginnings":                {Subject, `^https://github\.com/acme/api/|x$`, "it is two expressions"},
		"an empty second":               {Subject, `^https://github\.com/acme/api$|`, "it"},
		"an anchor within":              {Subject, `^https://github\.com/acme/api/(?:^|x)$`, "^ and $ stand once"},
		"a word's end":                  {Subject, `^https://github\.com/acme/api/\bx$`, "^ and $ stand once"},
		"no case":                       {Subject, `^(?i)https://github\.com/acme/api$`, "(?i is not taken"},
		"no case at the beginning":      {Subject, `(?i)^https://github\.com/acme/api$`, "(?i is not taken"},
		"no case in a group":            {Subject, `^https://github\.com/acme/(?i:api)$`, "(?i is not taken"},
		"lines":                         {Subject, `(?m)^https://github\.com/acme/api$`, "(?m is not taken"},
		"lines in a group":              {Subject, `^https://github\.com/acme/(?m:api$)$`, "(?m is not taken"},
		"a flag turned off":             {Subject, `^https://github\.com/acme/(?-s:.)$`, "(?- is not taken"},
		"a case by class":               {Subject, `^https://github\.com/[aA]cme/api$`, "reach beyond https://github.com/ORGANISATION/"},
		"nothing that could be":         {Subject, `^https://github\.com/acme/[^\x00-\x{10FFFF}]$`, "it fits nothing"},
		"what is no expression":         {Subject, `^https://github\.com/acme/($`, "is no expression: error parsing regexp: missing closing )"},
		"what looks ahead":              {Subject, `^https://github\.com/acme/(?=x)$`, "(?= is not taken"},
		"far too much repeating":        {Subject, `^https://github\.com/acme/(?:(?:a{1000}){1000}){1000}$`, "is no expression"},
		"a long text":                   {Subject, `^https://github\.com/acme/` + strings.Repeat("a", 1024) + `$`, "at most 1024 are read"},
		"what cannot be seen":           {Subject, "^https://github\\.com/acme/\u200b$", "cannot be seen"},
		"what is no UTF-8":              {Subject, "^https://github\\.com/acme/\xff$", "cannot be seen"},
		"any mail":                      {Subject, `^.*@.*$`, "has to begin with https://HOST/"},
		"any domain under one":          {Subject, `^[a-z]+@.*\.example$`, "has to begin with https://HOST/"},
		"a dot in the domain":           {Subject, `^[a-z]+@acme.example$`, "has to begin with https://HOST/"},
		"a domain's end":                {Subject, `^.*acme\.example$`, "has to begin with https://HOST/"},
		"anything before the domain":    {Subject, `^.*@acme\.example$`, "what stands before the @ of a mail address"},
		"not an @ before the domain":    {Subject, `^[^@]+@acme\.example$`, "what stands before the @ of a mail address"},
		"two addresses":                 {Subject, `^x@evil\.example@acme\.example$`, "a mail address ends with @"},
		"a URL before the domain":       {Subject, `^https?//[a-z]+@acme\.example$`, "what stands before the @ of a mail address"},
		"a ref for a domain":            {Subject, `^[a-z]+@refs/heads/main$`, "a mail address ends with @"},
		"a mail address as a workflow":  {CallerWorkflow, `^[a-z]+@acme\.example$`, "has to begin with https://HOST/"},
		"a branch like a ref":           {Subject, `^https://github\.com/acme/.*@refs/heads/main$`, "could be the name of a branch"},
		"a branch like a workflow":      {Subject, `^https://github\.com/acme/api/.*/release\.yml.*$`, "could be the name of a branch"},
		"a branch like an end":          {Subject, `^https://github\.com/acme/.*refs/heads/main$`, "could be the name of a branch"},
		"a class that has an @":         {Subject, `^https://github\.com/acme/[^/]+/.*[@#]refs/heads/main$`, "could be the name of a branch"},
		"a group that has an @":         {CallerWorkflow, `^https://github\.com/acme/(?:a@|b)*refs/heads/main$`, "could be the name of a branch"},
		"a branch in a last group":      {Subject, `^https://github\.com/acme/(?:a\.yml@refs/heads/main|.*@refs/tags/v1)$`, "could be the name of a branch"},
		"a branch in a capturing group": {Subject, `^https://github\.com/acme/(.*@refs/heads/main)$`, "could be the name of a branch"},
		"any ref":                       {SourceRef, `^.*$`, `it begins with "" as plain text; a ref begins with refs/heads/ or refs/tags/`},
		"any kind of ref":               {SourceRef, `^refs/.*$`, "a ref begins with refs/heads/ or refs/tags/"},
		"a ref of some kind":            {SourceRef, `^refs/(?:heads|tags)/main$`, "a ref begins with refs/heads/ or refs/tags/"},
		"a pull request":                {SourceRef, `^refs/pull/.*$`, "a ref begins with refs/heads/ or refs/tags/"},
		"a branch without its root":     {SourceRef, `^main$`, "a ref begins with refs/heads/ or refs/tags/"},
		"any repository":                {SourceRepository, `^https://github\.com/[^/]+/api$`, "reach beyond https://github.com/ORGANISATION/"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParsePattern(c.of, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if p.Given() {
				t.Error("a pattern that is refused can be used")
			}
		})
	}
}

// attacks are texts that nobody may get by with who is not of the same origin as the one whose text it was.
func attacks(text string) []string {
	list := []string{"", "x", text + "\n", "\n" + text, " " + text, "x" + text, "https://evil.example/?" + text, "https://evil.example/#" + text, "https://evil.example/" + text,
		strings.ToUpper(text), strings.ReplaceAll(text, ".", "x"), strings.ReplaceAll(text, "/", ""), "https://evil.example/evil/x", "spiffe://evil.example/x", "me@evil.example", "refs/pull/1/merge"}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return append(list, text+".evil.example", text+"@evil.example", strings.Replace(text, "@", "@evil.example@", 1))
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	for _, host := range []string{u.Host + ".evil.example", "evil.example", "evil" + u.Host, u.Host + "@evil.example", "evil@" + u.Host, u.Host + ":1", strings.Replace(u.Host, ".", "-", 1)} {
		list = append(list, u.Scheme+"://"+host+u.Path)
	}
	if u.Scheme == "spiffe" {
		return list
	}
	for _, segment := range []string{first + "-evil", "evil", "evil/" + first, "../" + first, first + "%2f", "", strings.ToUpper(first) + "x", first + "@evil"} {
		list = append(list, u.Scheme+"://"+u.Host+"/"+segment+"/"+rest)
	}
	return append(list, "http://"+u.Host+u.Path, "ftp://"+u.Host+u.Path, "//"+u.Host+u.Path)
}

// TestAPatternRefusesTexts holds every expression that is taken against texts of strangers.
func TestAPatternRefusesTexts(t *testing.T) {
	for _, c := range taken {
		p := mustPattern(t, c.of, c.text)
		for _, attack := range attacks(c.fits) {
			if attack != c.fits && p.Fits(attack) && !sameOrigin(c.of, c.fits, attack) {
				t.Errorf("%s fits %q", c.text, attack)
			}
		}
	}
}

// sameOrigin judges by the parts of the texts, and knows nothing of expressions.
func sameOrigin(of Claim, a, b string) bool {
	if of == SourceRef {
		return path.Dir(path.Clean(a)) == path.Dir(path.Clean(b)) || strings.HasPrefix(a, "refs/heads/") && strings.HasPrefix(b, "refs/heads/") || strings.HasPrefix(a, "refs/tags/") && strings.HasPrefix(b, "refs/tags/")
	}
	if !strings.Contains(a, "://") {
		_, mine, _ := strings.Cut(a, "@")
		local, theirs, ok := strings.Cut(b, "@")
		return ok && mine == theirs && !strings.ContainsAny(local, ":/")
	}
	mine, theirs := strings.SplitN(a, "/", 5), strings.SplitN(b, "/", 5)
	if mine[0] == "spiffe:" {
		mine, theirs = mine[:3], theirs[:min(3, len(theirs))]
	} else {
		mine, theirs = mine[:4], theirs[:min(4, len(theirs))]
	}
	return strings.Join(mine, "/") == strings.Join(theirs, "/")
}

// TestABranchCannotPassForARef: somebody who may push to any branch of a repository cannot name it so that a workflow of
// his passes for the one that is trusted.
func TestABranchCannotPassForARef(t *testing.T) {
	const repository = "https://github.com/acme/api/.github/workflows/"
	attacks := []string{
		repository + "evil.yml@refs/heads/x@refs/heads/main",
		repository + "evil.yml@refs/heads/x/refs/heads/main",
		repository + "evil.yml@refs/heads/x@refs/tags/v1",
		repository + "evil.yml@refs/heads/x/.github/workflows/release.yml@refs/heads/main",
		repository + "evil.yml@refs/heads/x/.github/workflows/release.yml@refs/tags/v1",
	}
	for _, c := range taken {
		p := mustPattern(t, c.of, c.text)
		for _, attack := range attacks {
			if (c.of == Subject || c.of == CallerWorkflow) && p.Fits(attack) && !p.Fits(repository+"evil.yml@refs/heads/x") {
				t.Errorf("%s fits %s", c.text, attack)
			}
		}
	}
	// What is refused for it would do that.
	for _, text := range []string{`^https://github\.com/acme/.*@refs/heads/main$`, `^https://github\.com/acme/.*refs/heads/main$`, `^https://github\.com/acme/.*/release\.yml@refs/tags/v1$`, `^https://github\.com/acme/[^/]*/.*[@#]refs/heads/main$`} {
		if _, err := ParsePattern(Subject, text); err == nil || !slices.ContainsFunc(attacks, regexp.MustCompile(text).MatchString) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAnExactTextFitsItselfAlone(t *testing.T) {
	p, err := ParseExact(Subject, "https://github.com/acme/api")
	if err != nil || !p.Fits("https://github.com/acme/api") || p.Fits("https://github.com/acme/api/") || p.Fits("https://githubxcom/acme/api") || p.Fits("") {
		t.Error(p, err)
	}
	if (Pattern{}).Fits("") || (Pattern{}).Given() || Exactly("").Fits("") {
		t.Error("no pattern fits something")
	}
}

// FuzzPattern: an expression that is taken fits nothing of another origin, whatever both are.
func FuzzPattern(f *testing.F) {
	for _, c := range taken {
		f.Add(string(c.of), c.text, c.fits)
		for _, attack := range attacks(c.fits)[:8] {
			f.Add(string(c.of), c.text, attack)
		}
	}
	f.Fuzz(func(t *testing.T, of, text, other string) {
		p, err := ParsePattern(Claim(of), text)
		if err != nil {
			return
		}
		if p.origin.text == "" || !strings.HasPrefix(text, "^") || !strings.HasSuffix(text, "$") {
			t.Fatalf("%q has no origin, or no anchors", text)
		}
		for _, candidate := range append(attacks(other), other, p.origin.text+other, other+p.origin.text) {
			if !p.Fits(candidate) {
				continue
			}
			if !p.origin.fits(candidate) {
				t.Fatalf("%q fits %q, which is not of %q", text, candidate, p.origin.text)
			}
			if u, err := url.Parse(candidate); err == nil && u.Host != "" && strings.Contains(p.origin.text, "://") && !strings.HasPrefix(p.origin.text, u.Scheme+"://"+u.Host+"/") {
				t.Fatalf("%q fits %q on another host than %q", text, candidate, p.origin.text)
			}
			if p.origin.atEnd && strings.ContainsAny(strings.TrimSuffix(candidate, p.origin.text), ":/@") {
				t.Fatalf("%q fits %q, which is no mail address", text, candidate)
			}
		}
	})
}
