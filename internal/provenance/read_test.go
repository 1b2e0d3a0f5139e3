package provenance

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	raw := written(t, workflow())
	got, err := Parse(PredicateType, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	want := Provenance{Builder: workflow().Builder, BuildType: WorkflowBuild, Invocation: workflow().Invocation,
		Repository: "https://github.com/octocat/hello-world", Ref: "refs/heads/main", Commit: commit}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const (
	// https://github.com/tektoncd/chains/blob/v0.26.0/docs/slsa-provenance.md
	chains = `{"buildDefinition":{"buildType":"https://tekton.dev/chains/v2/slsa","externalParameters":{"runSpec":{"params":[{"name":"PATH"},{"name":"path"}]}},
		"resolvedDependencies":[{"uri":"oci://registry.example.com/git-init","digest":{"sha256":"dee3bd"}},{"name":"inputs/result","uri":"git+https://git.example.com/o/app.git","digest":{"sha1":"` + commit + `"}}]},
		"runDetails":{"builder":{"id":"https://tekton.dev/chains/v2"},"metadata":{"invocationId":"u","startedOn":"2026-01-02T03:04:05Z","finishedOn":"2026-01-02T03:05:05Z"}}}`
	// https://slsa.dev/spec/v0.2/provenance, as slsa-github-generator writes it.
	old = `{"builder":{"id":"https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0"},"buildType":"https://github.com/slsa-framework/slsa-github-generator/container@v1",
		"invocation":{"configSource":{"uri":"git+https://github.com/o/app@refs/tags/v1","digest":{"sha1":"` + commit + `"},"entryPoint":".github/workflows/release.yml"}},
		"metadata":{"buildInvocationId":"7-1"},"materials":[{"uri":"git+https://github.com/o/app@refs/tags/v1","digest":{"sha1":"` + commit + `"}}]}`
)

func TestProvenanceOfOthersIsReadAsFarAsItSays(t *testing.T) {
	got, err := Parse(PredicateType, []byte(chains))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := Provenance{Builder: "https://tekton.dev/chains/v2", BuildType: "https://tekton.dev/chains/v2/slsa", Invocation: "u", Repository: "https://git.example.com/o/app",
		Commit: commit, Started: at, Finished: at.Add(time.Minute)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, err = Parse("https://slsa.dev/provenance/v0.2", []byte(old))
	if err != nil || got.Repository != "https://github.com/o/app" || got.Ref != "refs/tags/v1" || got.Commit != commit || !strings.HasSuffix(got.Builder, "@refs/tags/v2.1.0") || got.Invocation != "7-1" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A source that could be either of two is none: whoever compares it must not be lucky.
func TestASourceThatIsSaidInTwoWaysIsNotSaid(t *testing.T) {
	other := strings.Repeat("a", 40)
	for name, replace := range map[string][2]string{
		"two sources of a foreign build type": {`{"uri":"oci://registry.example.com/git-init","digest":{"sha256":"dee3bd"}}`, `{"uri":"git+https://git.example.com/o/else","digest":{"sha1":"` + other + `"}}`},
		"two commits of one source":           {`{"uri":"oci://registry.example.com/git-init","digest":{"sha256":"dee3bd"}}`, `{"uri":"git+https://git.example.com/o/app.git","digest":{"sha1":"` + other + `"}}`},
		"two digests of one commit":           {`{"sha1":"` + commit + `"}`, `{"sha1":"` + commit + `","gitCommit":"` + other + `"}`},
		"a digest that is no commit":          {`{"sha1":"` + commit + `"}`, `{"sha1":"main"}`},
		"a ref that is another commit":        {`app.git"`, `app.git@` + other + `"`},
		"a login before the host":             {`git+https://git.example.com`, `git+https://git.example.com@evil.example.com`},
		"a list that is none":                 {`"resolvedDependencies":[`, `"resolvedDependencies":{},"other":[`},
	} {
		if !strings.Contains(chains, replace[0]) {
			t.Fatal(name)
		}
		got, err := Parse(PredicateType, []byte(strings.Replace(chains, replace[0], replace[1], 1)))
		if err != nil || got.Commit != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestACommitOfAnotherRepositoryIsNotTheSources(t *testing.T) {
	raw := written(t, workflow())
	for _, uri := range []string{"git+https://github.com/octocat/other@refs/heads/main", "git+https://github.com/octocat/hello-world@refs/heads/evil", "git+https://github.com/octocat/Hello-World@refs/heads/main"} {
		got, err := Parse(PredicateType, []byte(strings.Replace(raw, "git+https://github.com/octocat/hello-world@refs/heads/main", uri, 1)))
		if err != nil || got.Commit != "" || got.Repository != "https://github.com/octocat/hello-world" {
			t.Errorf("%s: %+v, %v", uri, got, err)
		}
	}
}

func TestAParameterThatTheBuildTypeDoesNotHaveIsRefused(t *testing.T) {
	job := Build{Builder: "https://ci.example.com/", System: "jenkins"}
	for _, raw := range []string{written(t, workflow()), written(t, job)} {
		more := strings.Replace(raw, `"externalParameters":{`, `"externalParameters":{"override":"x",`, 1)
		if got, err := Parse(PredicateType, []byte(more)); err == nil || !strings.Contains(err.Error(), `"override"`) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestWhatTwoReadersCouldReadInTwoWaysIsRefused(t *testing.T) {
	for name, replace := range map[string][2]string{
		"a key twice":               {`"builder":`, `"builder":{"id":"x"},"builder":`},
		"no builder":                {`"id":"https://tekton.dev/chains/v2"`, `"name":"x"`},
		"a builder in another case": {`"id":"https://tekton.dev/chains/v2"`, `"ID":"https://tekton.dev/chains/v2"`},
		"a builder that is no text": {`"id":"https://tekton.dev/chains/v2"`, `"id":["https://tekton.dev/chains/v2"]`},
		"no build type":             {`"buildType"`, `"BuildType"`},
		"no parameters":             {`"externalParameters"`, `"parameters"`},
		"a time that is none":       {`2026-01-02T03:04:05Z`, `yesterday`},
		"two documents":             {`{"buildDefinition"`, `{}{"buildDefinition"`},
	} {
		doc := strings.Replace(chains, replace[0], replace[1], 1)
		if got, err := Parse(PredicateType, []byte(doc)); err == nil || doc == chains {
			t.Errorf("%s is read: %+v", name, got)
		}
	}
	if _, err := Parse("https://slsa.dev/provenance/v2", []byte(chains)); err == nil {
		t.Error("a type that is not known is read")
	}
	if _, err := Parse(predicateV02, []byte(chains)); err == nil {
		t.Error("a predicate is read as another type's")
	}
}

func FuzzParse(f *testing.F) {
	seed, _ := Write(workflow()) // has everything
	f.Add(true, seed)
	f.Add(true, []byte(chains))
	f.Add(false, []byte(old))
	f.Fuzz(func(t *testing.T, v1 bool, raw []byte) {
		kind := predicateV02
		if v1 {
			kind = PredicateType
		}
		p, err := Parse(kind, raw)
		if err != nil {
			if p != (Provenance{}) {
				t.Fatalf("%+v beside %v", p, err)
			}
			return
		}
		if p.Builder == "" || p.BuildType == "" || p.Commit != "" && (!IsCommit(p.Commit) || p.Repository == "") {
			t.Fatalf("incomplete: %+v", p)
		}
	})
}
