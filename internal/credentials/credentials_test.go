package credentials

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/outcome"
)

// secret stands in every password of these tests, and must stand in nothing that is shown.
const secret = "hunter2-secret"

func write(t *testing.T, folder, file, content string) string {
	t.Helper()
	path := filepath.Join(folder, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func getenv(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// auths is a file with a login for every key, whose user is the key's number.
func auths(keys ...string) string {
	entries := map[string]any{}
	for i, key := range keys {
		entries[key] = map[string]string{"auth": base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "user%d:%s", i, secret))}
	}
	doc, _ := json.Marshal(map[string]any{"auths": entries})
	return string(doc)
}

// resolve is the login of a repository, as text that a table can hold; it checks that Explain says the same, and holds
// no secret.
func resolve(t *testing.T, k *Keychain, repository string) (string, error) {
	t.Helper()
	repo, err := name.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := authn.Resolve(context.Background(), k, repo)
	told, explained := k.Explain(context.Background(), repo.Name(), true)
	shown, _ := json.Marshal(told)
	for _, text := range []string{string(shown), fmt.Sprint(err), fmt.Sprint(explained), advice(explained)} {
		if strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret))[:8]) {
			t.Errorf("a secret is shown: %s", text)
		}
	}
	if (err == nil) != (explained == nil) {
		t.Errorf("resolved with %v, explained with %v", err, explained)
	}
	if err != nil {
		return "", err
	}
	if auth == authn.Anonymous {
		if told.Login != nil {
			t.Errorf("explained as %+v", told.Login)
		}
		return "anonymous", nil
	}
	login, err := auth.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	if told.Login == nil || told.Login.User != initial(login.Username) || told.Login.Form != formOf(login) {
		t.Errorf("explained as %+v", told.Login)
	}
	switch {
	case login.RegistryToken != "":
		return "registry token", nil
	case login.IdentityToken != "":
		return "identity token", nil
	}
	if login.Password != secret {
		t.Errorf("the password is %q", login.Password)
	}
	return login.Username, nil
}

func TestTheMostSpecificEntryOfAFileWins(t *testing.T) {
	for what, test := range map[string]struct {
		keys       []string
		repository string
		want       string
	}{
		"a host":                                     {[]string{"quay.io"}, "quay.io/org/app", "user0"},
		"another host":                               {[]string{"quay.io"}, "ghcr.io/org/app", "anonymous"},
		"a host that ends alike":                     {[]string{"quay.io"}, "evil-quay.io/org/app", "anonymous"},
		"a host that begins alike":                   {[]string{"quay.io"}, "quay.io.evil.example/org/app", "anonymous"},
		"a path over its host":                       {[]string{"quay.io", "quay.io/org"}, "quay.io/org/app", "user1"},
		"the whole path over its parent":             {[]string{"quay.io/org", "quay.io/org/app", "quay.io"}, "quay.io/org/app", "user1"},
		"a parent far above":                         {[]string{"quay.io/org"}, "quay.io/org/team/app", "user0"},
		"the host where the path is another":         {[]string{"quay.io", "quay.io/other"}, "quay.io/org/app", "user0"},
		"nothing where the path is another":          {[]string{"quay.io/other"}, "quay.io/org/app", "anonymous"},
		"a prefix that ends within a word":           {[]string{"quay.io/org"}, "quay.io/orgx/app", "anonymous"},
		"a prefix that goes on":                      {[]string{"quay.io/orgx"}, "quay.io/org/app", "anonymous"},
		"a path below the repository":                {[]string{"quay.io/org/app/more"}, "quay.io/org/app", "anonymous"},
		"a slash at the end of a path":               {[]string{"quay.io/org/"}, "quay.io/org/app", "user0"},
		"a slash at the end of a host":               {[]string{"quay.io/"}, "quay.io/org/app", "user0"},
		"a URL":                                      {[]string{"https://quay.io"}, "quay.io/org/app", "user0"},
		"a URL in capitals":                          {[]string{"HTTPS://Quay.IO/"}, "quay.io/org/app", "user0"},
		"a URL of plain HTTP":                        {[]string{"http://quay.io"}, "quay.io/org/app", "user0"},
		"a URL with the API's version":               {[]string{"https://quay.io/v2/"}, "quay.io/org/app", "user0"},
		"a URL with a version and a path":            {[]string{"https://quay.io/v1/org"}, "quay.io/other/app", "anonymous"},
		"a URL with a path":                          {[]string{"https://quay.io/org"}, "quay.io/org/app", "user0"},
		"a path that looks like a version":           {[]string{"quay.io/v2/app"}, "quay.io/v2/app", "user0"},
		"another scheme":                             {[]string{"ftp://quay.io"}, "quay.io/org/app", "anonymous"},
		"a port":                                     {[]string{"registry.example.com:5000"}, "registry.example.com:5000/app", "user0"},
		"a port and a path":                          {[]string{"registry.example.com:5000/team", "registry.example.com:5000"}, "registry.example.com:5000/team/app", "user0"},
		"another port":                               {[]string{"registry.example.com:5000"}, "registry.example.com:5001/app", "anonymous"},
		"no port where there is one":                 {[]string{"registry.example.com"}, "registry.example.com:5000/app", "anonymous"},
		"capitals":                                   {[]string{"QUAY.io/org"}, "quay.io/org/app", "user0"},
		"a user name in front of the host":           {[]string{"https://me:" + secret + "@quay.io", "me@quay.io"}, "quay.io/org/app", "anonymous"},
		"a host behind a user name":                  {[]string{"quay.io@evil.example"}, "quay.io/org/app", "anonymous"},
		"a query":                                    {[]string{"quay.io?x=" + secret}, "quay.io/org/app", "anonymous"},
		"a NUL":                                      {[]string{"quay.io\x00"}, "quay.io/org/app", "anonymous"},
		"a line break":                               {[]string{"quay.io\n"}, "quay.io/org/app", "anonymous"},
		"a wildcard":                                 {[]string{"*.io", "*"}, "quay.io/org/app", "anonymous"},
		"nothing as a key":                           {[]string{"", "https://", "/"}, "quay.io/org/app", "anonymous"},
		"Docker Hub as docker login writes it":       {[]string{"https://index.docker.io/v1/"}, "alpine", "user0"},
		"Docker Hub as Podman writes it":             {[]string{"docker.io"}, "docker.io/library/alpine", "user0"},
		"Docker Hub by its API":                      {[]string{"registry-1.docker.io"}, "team/app", "user0"},
		"Docker Hub by its index":                    {[]string{"index.docker.io/v1/"}, "team/app", "user0"},
		"Docker Hub's folder":                        {[]string{"docker.io/team", "https://index.docker.io/v1/"}, "team/app", "user0"},
		"Docker Hub's official images":               {[]string{"docker.io/library"}, "alpine", "user0"},
		"not all that ends like Docker Hub":          {[]string{"docker.io"}, "evildocker.io/team/app", "anonymous"},
		"of two names the one docker login writes":   {[]string{"docker.io", "https://index.docker.io/v1/"}, "alpine", "user1"},
		"of two spellings the plain one":             {[]string{"https://quay.io", "quay.io"}, "quay.io/org/app", "user1"},
		"the registry of a name that has no dot":     {[]string{"localhost"}, "localhost/app", "user0"},
		"loopback with a port":                       {[]string{"127.0.0.1:5000"}, "127.0.0.1:5000/app", "user0"},
		"a repository whose name is a host":          {[]string{"quay.io"}, "registry.example.com/quay.io/app", "anonymous"},
		"an entry far too long":                      {[]string{"quay.io/" + strings.Repeat("a", 2000)}, "quay.io/org/app", "anonymous"},
		"many entries, of which one is for this one": {append(many(500), "quay.io/org"), "quay.io/org/app", "user500"},
	} {
		t.Run(what, func(t *testing.T) {
			folder := t.TempDir()
			write(t, folder, "config.json", auths(test.keys...))
			got, err := resolve(t, New(Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": folder})}), test.repository)
			if err != nil || got != test.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func many(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("quay.io/other%d", i)
	}
	return keys
}

func TestTheFirstPlaceWithALoginWins(t *testing.T) {
	root := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	files := []struct {
		path string
		flat bool
	}{
		{at("docker", "config.json"), false},
		{at("docker", ".dockerconfigjson"), false},
		{at("docker", ".dockercfg"), true},
		{at("host", "config.json"), false},
		{at("host", ".dockerconfigjson"), false},
		{at("tekton", ".docker", "config.json"), false},
		{at("home", ".docker", "config.json"), false},
		{at("auth.json"), false},
		{at("run", "containers", "auth.json"), false},
		{at("home", ".config", "containers", "auth.json"), false},
	}
	sources := Sources{Folder: at("host"), Tekton: at("tekton"), Getenv: getenv(map[string]string{
		"DOCKER_CONFIG": at("docker"), "HOME": at("home"), "REGISTRY_AUTH_FILE": at("auth.json"), "XDG_RUNTIME_DIR": at("run")})}
	expect := func(from Sources, repository, want string) {
		t.Helper()
		if got, err := resolve(t, New(from), repository); err != nil || got != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	sources.Job = Login{"actor", secret}
	expect(sources, "ghcr.io/org/app", "actor")
	expect(sources, "ghcr.io.evil.example/org/app", "anonymous")
	expect(sources, "quay.io/org/app", "anonymous")
	for i := len(files) - 1; i >= 0; i-- {
		doc := strings.ReplaceAll(auths("ghcr.io"), base64.StdEncoding.EncodeToString([]byte("user0:"+secret)),
			base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "file%d:%s", i, secret)))
		if files[i].flat {
			doc = strings.TrimSuffix(strings.TrimPrefix(doc, `{"auths":`), "}")
		}
		write(t, filepath.Dir(files[i].path), filepath.Base(files[i].path), doc)
		expect(sources, "ghcr.io/org/app", fmt.Sprintf("file%d", i))
	}
	expect(sources, "quay.io/org/app", "anonymous")

	inline := sources
	inline.Getenv = func(name string) string {
		if name == "DOCKER_AUTH_CONFIG" {
			return auths("ghcr.io")
		}
		return sources.Getenv(name)
	}
	expect(inline, "ghcr.io/org/app", "user0")
	inline.Given, inline.Host = Login{"given", secret}, "GHCR.io"
	expect(inline, "ghcr.io/org/app", "given")
	expect(inline, "ghcr.io/elsewhere", "given")
	expect(inline, "quay.io/org/app", "anonymous")
	inline.Host = ""
	expect(inline, "ghcr.io/org/app", "user0")
	inline.Given, inline.Host = Login{"given", secret}, "index.docker.io"
	expect(inline, "alpine", "given")
}

func TestWhatALoginMayBe(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("ann:" + secret))
	for what, test := range map[string]struct{ entry, want, wrong string }{
		"base64":                      {entry: `{"auth":"` + encoded + `"}`, want: "ann"},
		"base64 without padding":      {entry: `{"auth":"` + strings.TrimRight(encoded, "=") + `"}`, want: "ann"},
		"a name and a password":       {entry: `{"username":"ann","password":"` + secret + `"}`, want: "ann"},
		"base64 over a name":          {entry: `{"auth":"` + encoded + `","username":"bob","password":"x"}`, want: "ann"},
		"base64 padded with NUL":      {entry: `{"auth":"` + base64.StdEncoding.EncodeToString([]byte("ann:"+secret+"\x00\x00")) + `"}`, want: "ann"},
		"an identity token":           {entry: `{"identitytoken":"` + secret + `"}`, want: "identity token"},
		"a registry token":            {entry: `{"registrytoken":"` + secret + `"}`, want: "registry token"},
		"fields that nobody knows":    {entry: `{"auth":"` + encoded + `","email":"x","more":{}}`, want: "ann"},
		"nothing":                     {entry: `{}`, want: "anonymous"},
		"an address alone":            {entry: `{"serveraddress":"quay.io"}`, want: "anonymous"},
		"null":                        {entry: `null`, want: "anonymous"},
		"no base64":                   {entry: `{"auth":"` + secret + `!"}`, wrong: "not base64"},
		"base64 of nothing with a :":  {entry: `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(secret)) + `"}`, wrong: "not base64 of user:password"},
		"text":                        {entry: `"` + secret + `"`, wrong: "not an object of text"},
		"a number as a password":      {entry: `{"username":"ann","password":12345678}`, wrong: "not an object of text"},
		"a line break in a token":     {entry: `{"registrytoken":"` + secret + `\nX-Evil: 1"}`, wrong: "control character"},
		"a NUL within a password":     {entry: `{"username":"ann","password":"a\u0000` + secret + `"}`, wrong: "control character"},
		"a colon in the name of user": {entry: `{"username":"a:b","password":"` + secret + `"}`, wrong: "colon"},
	} {
		t.Run(what, func(t *testing.T) {
			folder := t.TempDir()
			file := write(t, folder, "config.json", `{"auths":{"quay.io":`+test.entry+`}}`)
			got, err := resolve(t, New(Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": folder})}), "quay.io/org/app")
			checkEnding(t, got, err, test.want, file, test.wrong)
			// The entry of another registry is nobody's concern.
			if got, err := resolve(t, New(Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": folder})}), "ghcr.io/org/app"); err != nil || got != "anonymous" {
				t.Errorf("for another registry: %s, %v", got, err)
			}
		})
	}
}

func checkEnding(t *testing.T, got string, err error, want, file, wrong string) {
	t.Helper()
	if wrong == "" {
		if err != nil || got != want {
			t.Errorf("got %s, %v", got, err)
		}
		return
	}
	if err == nil || outcome.Of(err).Reason != outcome.RegistryUnauthorized || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), wrong) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAFileThatCannotBeReadIsAnErrorThatNamesIt(t *testing.T) {
	good := `"quay.io":{"username":"ann","password":"` + secret + `"}`
	for what, test := range map[string]struct{ doc, want, wrong string }{
		"broken":                           {doc: `{"auths":{` + good, wrong: "not JSON"},
		"words":                            {doc: secret, wrong: "not JSON"},
		"a second document":                {doc: `{} ` + `{"auths":{` + good + `}}`, wrong: "not JSON"},
		"the same registry twice":          {doc: `{"auths":{` + good + `,` + good + `}}`, wrong: "twice"},
		"a registry in two cases":          {doc: `{"auths":{` + good + `,"QUAY.io":{"auth":"` + secret + `"}}}`, wrong: "twice"},
		"auths twice":                      {doc: `{"auths":{` + good + `},"Auths":{}}`, wrong: "twice"},
		"a secret as a key twice":          {doc: `{"auths":{"u:` + secret + `@h":{},"u:` + secret + `@h":{}}}`, wrong: "twice"},
		"deep":                             {doc: `{"auths":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, wrong: "deep"},
		"very deep":                        {doc: strings.Repeat("[", 20000), wrong: "not JSON"},
		"huge":                             {doc: `{"auths":{` + good + `},"pad":"` + strings.Repeat("x", 1<<20) + `"}`, wrong: "larger than 1048576 bytes"},
		"a NUL":                            {doc: "{\"auths\":{" + good + "}}\x00", wrong: "not JSON"},
		"no UTF-8":                         {doc: "{\"auths\":{" + good + ",\"\xff\":{}}}", wrong: "has"},
		"a list":                           {doc: `["` + secret + `"]`, wrong: "not a JSON object"},
		"a list of logins":                 {doc: `{"auths":["` + secret + `"]}`, wrong: "auths is not an object"},
		"a number as the store":            {doc: `{"credsStore":12345}`, wrong: "credsStore is not text"},
		"helpers that are none":            {doc: `{"credHelpers":{"quay.io":{"x":"` + secret + `"}}}`, wrong: "credHelpers is not"},
		"nothing":                          {doc: ``, want: "anonymous"},
		"an empty object":                  {doc: `{}`, want: "anonymous"},
		"null":                             {doc: `null`, want: "anonymous"},
		"what other programs keep besides": {doc: `{"auths":{` + good + `},"HttpHeaders":{"a":"b"},"plugins":{"x":{"y":"z"}},"detachKeys":"ctrl-q"}`, want: "ann"},
	} {
		t.Run(what, func(t *testing.T) {
			folder := t.TempDir()
			file := write(t, folder, "config.json", test.doc)
			// What comes later must not be used in its place.
			write(t, folder, "home/.docker/config.json", `{"auths":{"quay.io":{}}}`)
			sources := Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": folder, "HOME": filepath.Join(folder, "home")})}
			got, err := resolve(t, New(sources), "quay.io/org/app")
			checkEnding(t, got, err, test.want, file, test.wrong)
		})
	}
}

func TestWhereThereIsNoFile(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "a-file", "x")
	if err := os.Mkdir(filepath.Join(dir, "config.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		env         map[string]string
		want, wrong string
	}{
		"nothing is set":                {nil, "anonymous", ""},
		"the folder is missing":         {map[string]string{"DOCKER_CONFIG": filepath.Join(dir, "none")}, "anonymous", ""},
		"HOME is a file":                {map[string]string{"HOME": file}, "anonymous", ""},
		"the file is missing":           {map[string]string{"REGISTRY_AUTH_FILE": filepath.Join(dir, "none")}, "anonymous", ""},
		"the file is the null device":   {map[string]string{"REGISTRY_AUTH_FILE": os.DevNull}, "anonymous", ""},
		"the file is a folder":          {map[string]string{"DOCKER_CONFIG": dir}, "", "is a folder"},
		"the file never ends":           {map[string]string{"REGISTRY_AUTH_FILE": "/dev/zero"}, "", "not a regular file"},
		"the variable is broken":        {map[string]string{"DOCKER_AUTH_CONFIG": "{" + secret}, "", "$DOCKER_AUTH_CONFIG"},
		"one file is named in two ways": {map[string]string{"DOCKER_CONFIG": dir + "/x/.docker", "HOME": dir + "/x"}, "anonymous", ""},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := resolve(t, New(Sources{Getenv: getenv(test.env)}), "quay.io/org/app")
			if test.wrong == "" && (err != nil || got != test.want) || test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestCredentialHelpers(t *testing.T) {
	bin := t.TempDir()
	script := func(name, body string) {
		if err := os.WriteFile(filepath.Join(bin, "docker-credential-"+name), []byte("#!/bin/sh\nread server\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	answer := `printf '{"ServerURL":"%s","Username":"helped","Secret":"` + secret + `"}' "$server"`
	script("good", answer)
	script("only-quay", `if [ "$server" = quay.io ]; then `+answer+`; else echo "credentials not found in native keychain"; exit 1; fi`)
	script("only-url", `if [ "$server" = https://index.docker.io/v1/ ]; then `+answer+`; else echo "credentials not found in native keychain"; exit 1; fi`)
	script("only-hub", `if [ "$server" = docker.io ]; then `+answer+`; else echo "credentials not found in native keychain"; exit 1; fi`)
	script("token", `printf '{"Username":"<token>","Secret":"`+secret+`"}'`)
	script("empty", `printf '{"Username":"","Secret":""}'`)
	script("fails", `echo "`+secret+`"; echo "`+secret+`" >&2; exit 3`)
	script("garbled", `echo "`+secret+`"`)
	script("endless", `while :; do echo "`+secret+secret+secret+secret+`"; done`)
	script("hangs", `sleep 60`)
	script("noisy", `echo "`+secret+`" >&2; `+answer)
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	written := `"quay.io":{"username":"written","password":"` + secret + `"}`
	for what, test := range map[string]struct{ doc, repository, want, wrong string }{
		"for a registry":                            {`{"credHelpers":{"quay.io":"good"}}`, "quay.io/a", "helped", ""},
		"for a registry as a URL":                   {`{"credHelpers":{"https://Quay.io/":"good"}}`, "quay.io/a", "helped", ""},
		"not for another registry":                  {`{"credHelpers":{"quay.io":"good"}}`, "ghcr.io/a", "anonymous", ""},
		"for every registry":                        {`{"credsStore":"good"}`, "ghcr.io/a", "helped", ""},
		"what it prints on standard error":          {`{"credsStore":"noisy"}`, "ghcr.io/a", "helped", ""},
		"over what is written down":                 {`{"credHelpers":{"quay.io":"good"},"auths":{` + written + `}}`, "quay.io/a", "helped", ""},
		"what is written for a part goes first":     {`{"credHelpers":{"quay.io":"good"},"auths":{"quay.io/org":{"username":"written","password":"` + secret + `"}}}`, "quay.io/org/a", "written", ""},
		"the store comes after what names it":       {`{"credsStore":"good","auths":{` + written + `}}`, "quay.io/a", "written", ""},
		"the store where the entry is left empty":   {`{"credsStore":"good","auths":{"quay.io":{}}}`, "quay.io/a", "helped", ""},
		"a registry opts out of the store":          {`{"credsStore":"good","credHelpers":{"quay.io":""}}`, "quay.io/a", "anonymous", ""},
		"it does not know the registry":             {`{"credsStore":"only-quay"}`, "ghcr.io/a", "anonymous", ""},
		"it does not know, and another entry does":  {`{"credHelpers":{"ghcr.io":"only-quay"},"auths":{"ghcr.io":{"username":"written","password":"` + secret + `"}}}`, "ghcr.io/a", "written", ""},
		"Docker Hub as docker login keeps it":       {`{"credsStore":"only-url"}`, "alpine", "helped", ""},
		"Docker Hub as Podman keeps it":             {`{"credHelpers":{"docker.io":"only-hub"}}`, "alpine", "helped", ""},
		"an identity token":                         {`{"credsStore":"token"}`, "quay.io/a", "identity token", ""},
		"nothing as an answer":                      {`{"credsStore":"empty"}`, "quay.io/a", "anonymous", ""},
		"one that fails":                            {`{"credsStore":"fails"}`, "quay.io/a", "", "docker-credential-fails ends with exit status 3"},
		"one that fails, though another could":      {`{"credHelpers":{"quay.io":"fails"},"auths":{` + written + `}}`, "quay.io/a", "", "exit status 3"},
		"one that talks nonsense":                   {`{"credsStore":"garbled"}`, "quay.io/a", "", "cannot be read"},
		"one that never stops":                      {`{"credsStore":"endless"}`, "quay.io/a", "", "more than 65536 bytes"},
		"one that never answers":                    {`{"credsStore":"hangs"}`, "quay.io/a", "", "has not answered for"},
		"one that is not there":                     {`{"credsStore":"missing"}`, "quay.io/a", "", "docker-credential-missing is not on the PATH"},
		"a path in place of a name":                 {`{"credsStore":"../evil-` + secret + `"}`, "quay.io/a", "", "is not the name of a program"},
		"a NUL in the name":                         {`{"credsStore":"good\u0000"}`, "quay.io/a", "", "is not the name of a program"},
		"a helper for a part of a registry is none": {`{"credHelpers":{"quay.io/org":"good"}}`, "quay.io/org/a", "anonymous", ""},
	} {
		t.Run(what, func(t *testing.T) {
			folder := t.TempDir()
			file := write(t, folder, "config.json", test.doc)
			k := New(Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": folder})})
			if strings.Contains(test.doc, "hangs") {
				k.timeout = 200 * time.Millisecond
			}
			got, err := resolve(t, k, test.repository)
			checkEnding(t, got, err, test.want, file, test.wrong)
		})
	}
}

func TestAHelperIsNotAskedWhereExplainIsToldNot(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "config.json", `{"credHelpers":{"quay.io":"missing"}}`)
	told, err := New(Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": folder})}).Explain(context.Background(), "quay.io/a", false)
	if err != nil || told.Login == nil || told.Login.Helper != "missing" || told.Login.Form != "" {
		t.Errorf("got %+v, %v", told.Login, err)
	}
}

func TestAnInterruptedSearchIsNoLogin(t *testing.T) {
	folder, bin := t.TempDir(), t.TempDir()
	write(t, folder, "config.json", `{"credsStore":"hangs"}`)
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-hangs"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	repo, err := name.NewRepository("quay.io/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": folder})}).ResolveContext(ctx, repo); outcome.Of(err).Reason != outcome.Interrupted {
		t.Errorf("got %v", err)
	}
}

func TestLoginsPrintNothing(t *testing.T) {
	login := Login{"ann", secret}
	if text := fmt.Sprintf("%v %+v %#v %s %q", login, login, login, login, Sources{Given: login}.Given); strings.Contains(text, secret) || strings.Contains(text, "ann") {
		t.Error(text)
	}
}

func advice(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(outcome.Of(err).Advice(), " ")
}
