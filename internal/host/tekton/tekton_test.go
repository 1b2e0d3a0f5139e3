package tekton

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tektoncd/pipeline/pkg/result"
	"github.com/tektoncd/pipeline/pkg/termination"

	"github.com/stepseal/stepseal/internal/host/plain"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// host is Tekton with a results folder, and what it says.
func host(t *testing.T, env map[string]string) (h *Host, folder string, said *bytes.Buffer) {
	t.Helper()
	folder, said = t.TempDir(), &bytes.Buffer{}
	all := map[string]string{Results: filepath.Join(folder, "verdict")}
	for name, value := range env {
		all[name] = value
	}
	h, mistakes := New(plain.New(said, plain.Options{}), func(name string) string { return all[name] })
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	return h, folder, said
}

// full is a result of a step in which every output has a value of its usual length.
func full(spec *step.Spec) step.Result {
	usual := map[string]string{"verdict": "accepted", "image": "registry.example.com/team/storefront@" + digest, "platforms": `["linux/amd64","linux/arm64/v8"]`, "signer": digest}
	r := step.Result{Step: spec.Name}
	for _, out := range spec.AllOutputs() {
		value, ok := usual[out.Name]
		switch {
		case ok:
		case strings.HasSuffix(out.Name, "digest") || out.Name == "image-id":
			value = digest
		case out.Name == "reason":
		case strings.HasSuffix(out.Name, "reference"):
			value = "oci:registry.example.com/team/storefront@" + digest
		case strings.HasSuffix(out.Name, "-date"):
			value = "2026-11-24T00:00:00Z"
		case slices.Contains(goFirst, out.Name) && !strings.Contains(out.Usage, "path"):
			value = "12"
		case strings.HasSuffix(out.Name, "verdict"):
			value = "accepted"
		default:
			value = "stepseal-out/verification.json"
		}
		r.Outputs = append(r.Outputs, step.Value{Name: out.Name, Value: value})
	}
	return r
}

func with(r step.Result, name, value string) step.Result {
	r.Outputs = slices.Clone(r.Outputs)
	for i := range r.Outputs {
		if r.Outputs[i].Name == name {
			r.Outputs[i].Value = value
		}
	}
	return r
}

func read(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[file.Name()] = string(raw)
	}
	return found
}

// message has Tekton's own writer make a container's message of the files, as its entrypoint does at worst.
func message(t *testing.T, found map[string]string) ([]byte, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "termination")
	var results []result.RunResult
	for name, value := range found {
		results = append(results, result.RunResult{Key: name, Value: value, ResultType: result.TaskRunResultType})
	}
	if err := termination.WriteMessage(file, results); err != nil {
		return nil, err
	}
	own := []result.RunResult{
		{Key: "StartedAt", Value: "2026-11-24T11:24:53.123+07:00", ResultType: result.InternalTektonResultType},
		{Key: "ExitCode", Value: "137", ResultType: result.InternalTektonResultType},
		{Key: "Reason", Value: "TimeoutExceeded", ResultType: result.InternalTektonResultType},
	}
	if err := termination.WriteMessage(file, own); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func TestTheArithmeticIsTektonsOwn(t *testing.T) {
	for name, values := range map[string][]string{
		"plain":    {"accepted", "", digest},
		"JSON":     {encodeObject("registry.example.com/a", digest), `["linux/amd64"]`},
		"escaping": {"<a&b>", "\u2028\u2029", "a\"b\\c", "\n\t\x00\x7f", "ä€😀"},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []entry
			found := map[string]string{}
			for i, value := range values {
				e := entry{name: strings.Repeat("n", i+1), value: value}
				entries = append(entries, e)
				found[e.name] = e.value
			}
			raw, err := message(t, found)
			if err != nil {
				t.Fatal(err)
			}
			// The last entry has no comma behind it.
			if got, want := total(entries), len(raw)+1; got != want {
				t.Errorf("calculated %d, Tekton writes %d: %s", got, want, raw)
			}
		})
	}
}

// TestInvalidTextIsCountedAtItsWorst: the entrypoint writes twice, and the second time it has become shorter.
func TestInvalidTextIsCountedAtItsWorst(t *testing.T) {
	value := strings.Repeat("\xff", 100)
	raw, err := message(t, map[string]string{"n": value})
	if got := total([]entry{{name: "n", value: value}}); err != nil || got < len(raw)+1 {
		t.Errorf("calculated %d, Tekton writes %d: %v", got, len(raw), err)
	}
}

// TestWhatIsUsualFits: no result of any step has to go.
func TestWhatIsUsualFits(t *testing.T) {
	for _, spec := range steps.All() {
		h, folder, said := host(t, nil)
		r := full(spec)
		if err := h.Publish(r); err != nil {
			t.Fatal(err)
		}
		found := read(t, folder)
		raw, err := message(t, found)
		if err != nil {
			t.Errorf("%s: %v", spec.Name, err)
		}
		t.Logf("%s: %d bytes", spec.Name, len(raw))
		if spec.Name != "secure-image" && said.Len() > 0 {
			t.Errorf("%s: %s", spec.Name, said)
		}
		for _, out := range r.Outputs {
			if v, ok := found[out.Name]; !ok || v != out.Value && spec.Name != "secure-image" {
				t.Errorf("%s: %s is %q, expected %q", spec.Name, out.Name, v, out.Value)
			}
		}
		for _, o := range Objects(namesOf(r)) {
			var object map[string]string
			if err := json.Unmarshal([]byte(found[o.Name]), &object); err != nil || len(object) != len(Keys) {
				t.Errorf("%s: %s is %q: %v", spec.Name, o.Name, found[o.Name], err)
			}
		}
	}
}

func namesOf(r step.Result) (names []string) {
	for _, v := range r.Outputs {
		names = append(names, v.Name)
	}
	return names
}

// TestHostileValuesNeverLoseTheVerdict: whatever is in the values, Tekton's writer takes all of it.
func TestHostileValuesNeverLoseTheVerdict(t *testing.T) {
	spec := steps.SecureImage()
	all := full(spec)
	for i := range all.Outputs {
		if !slices.Contains(goLast[len(goLast)-4:], all.Outputs[i].Name) {
			all.Outputs[i].Value = strings.Repeat("<\x00>", 200)
		}
	}
	for name, r := range map[string]step.Result{
		"a long image":     with(full(spec), "image", "registry.example.com/"+strings.Repeat("a/", 2000)+"@"+digest),
		"many platforms":   with(full(spec), "platforms", "["+strings.Repeat(`"linux/amd64",`, 500)+`""]`),
		"all of it":        all,
		"invalid UTF-8":    with(full(spec), "signer", strings.Repeat("\xff", 700)),
		"escapes":          with(full(spec), "evidence", strings.Repeat("\u2028", 170)),
		"within 1 KiB all": allOf(spec, strings.Repeat("x", 500)),
	} {
		for _, limit := range []string{"", "2048", "512"} {
			t.Run(name+" "+limit, func(t *testing.T) {
				h, folder, said := host(t, map[string]string{ResultsLimit: limit})
				if err := h.Publish(r); err != nil {
					t.Fatal(err)
				}
				found := read(t, folder)
				raw, err := message(t, found)
				if err != nil || len(raw) > h.limit {
					t.Fatalf("%d bytes: %v", len(raw), err)
				}
				for _, kept := range []string{"verdict", "image-digest"} {
					if found[kept] != r.Output(kept) {
						t.Errorf("%s is %q", kept, found[kept])
					}
				}
				if !strings.Contains(said.String(), " fit") {
					t.Errorf("said: %s", said)
				}
			})
		}
	}
}

func allOf(spec *step.Spec, value string) step.Result {
	r := full(spec)
	for i, out := range r.Outputs {
		if rank(out.Name) < 8 {
			r.Outputs[i].Value = value
		}
	}
	return r
}

func TestTheOrderIsAsStated(t *testing.T) {
	r := with(full(steps.SecureImage()), "signature-digest", strings.Repeat("y", 900))
	h, folder, _ := host(t, nil)
	if err := h.Publish(r); err != nil {
		t.Fatal(err)
	}
	found := read(t, folder)
	if found["verification"+outputs] != encodeObject("", "") || found["signature-digest"] == "" {
		t.Errorf("objects go before the rest: %q, %d", found["verification"+outputs], len(found["signature-digest"]))
	}
	r = with(r, "signature-digest", strings.Repeat("y", 1100))
	h, folder, _ = host(t, nil)
	if err := h.Publish(r); err != nil {
		t.Fatal(err)
	}
	if found := read(t, folder); found["signature-digest"] != "" {
		t.Error("a value of more than 1 KiB goes before everything else")
	}
}

func TestTheRanksNameResultsThatAreThere(t *testing.T) {
	var names []string
	for _, spec := range steps.All() {
		names = append(names, namesOf(full(spec))...)
	}
	for _, o := range Objects(names) {
		names = append(names, o.Name)
	}
	for _, name := range slices.Concat(goFirst, goLast) {
		if !slices.Contains(names, name) && name != "evidence-reference" {
			t.Errorf("no step has the result %s", name)
		}
	}
}

func TestAYesThatCannotBeWrittenIsUndecided(t *testing.T) {
	h, folder, said := host(t, nil)
	if err := os.Mkdir(filepath.Join(folder, "image"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := h.Publish(full(steps.Verify())); err == nil {
		t.Error("nobody was told")
	}
	for name, want := range map[string]string{"verdict": "undecided", "reason": string(outcome.OutputUnwritable)} {
		if got, _ := os.ReadFile(filepath.Join(folder, name)); string(got) != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if !strings.Contains(said.String(), string(outcome.OutputUnwritable)) {
		t.Errorf("said: %s", said)
	}
}

func TestAToolLeavesTheResultsOfAStepAlone(t *testing.T) {
	h, folder, _ := host(t, nil)
	if err := h.Publish(step.Result{Step: "version", Outputs: []step.Value{{Name: "verdict", Value: "accepted"}, {Name: "reason"}}}); err != nil {
		t.Fatal(err)
	}
	if found := read(t, folder); len(found) != 0 {
		t.Errorf("wrote %v", found)
	}
}

func TestACommandLineThatNamesNoStepLeavesAVerdict(t *testing.T) {
	h, folder, _ := host(t, nil)
	err := outcome.New(outcome.InvalidInput, "no such step")
	if err := h.Publish(step.Result{Step: "stepseal", Ending: err.Ending(), Err: err}); err != nil {
		t.Fatal(err)
	}
	if found := read(t, folder); found["verdict"] != "misused" || found["reason"] != "invalid-input" {
		t.Errorf("wrote %v", found)
	}
}

func TestALimitThatIsNoneIsAMistake(t *testing.T) {
	for _, text := range []string{"x", "511", "-1", "1048577", "4096.0"} {
		if _, mistakes := New(plain.New(&bytes.Buffer{}, plain.Options{}), func(string) string { return text }); len(mistakes) != 1 {
			t.Errorf("%s: %v", text, mistakes)
		}
	}
}

// TestWorkspaces has a Secret as Kubernetes mounts it: every key a link into a folder that is a link itself.
func TestWorkspaces(t *testing.T) {
	secret, data := t.TempDir(), "..2026_11_24"
	if err := os.Mkdir(filepath.Join(secret, data), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, filepath.Join(secret, "..data")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"cosign.key", "cosign.password", "cosign.pub", "registry-password", "image"} {
		if err := os.WriteFile(filepath.Join(secret, data, key), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", key), filepath.Join(secret, key)); err != nil {
			t.Fatal(err)
		}
	}
	archive, two := t.TempDir(), t.TempDir()
	for _, file := range []string{filepath.Join(archive, "db.tar.zst"), filepath.Join(archive, "README"), filepath.Join(two, "a.tar.gz"), filepath.Join(two, "b.tar.gz")} {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(secret, name) }
	for name, test := range map[string]struct {
		env        map[string]string
		ask, wants string
	}{
		"cosign's key":                {nil, "STEPSEAL_KEY_FILE", in("cosign.key")},
		"cosign's password":           {nil, "STEPSEAL_KEY_PASSWORD_FILE", in("cosign.password")},
		"cosign's public key":         {nil, "STEPSEAL_PUBLIC_KEY", in("cosign.pub")},
		"a secret by its name":        {nil, "STEPSEAL_REGISTRY_PASSWORD_FILE", in("registry-password")},
		"a key that was given":        {map[string]string{"STEPSEAL_KEY": "/other"}, "STEPSEAL_KEY_FILE", ""},
		"the file that was given":     {map[string]string{"STEPSEAL_KEY_FILE": "/other"}, "STEPSEAL_KEY_FILE", "/other"},
		"no secret":                   {nil, "STEPSEAL_GITHUB_TOKEN_FILE", ""},
		"an input that is no secret":  {nil, "STEPSEAL_IMAGE", ""},
		"no workspace":                {map[string]string{SecretsWorkspace: ""}, "STEPSEAL_KEY_FILE", ""},
		"a folder with one archive":   {map[string]string{DatabaseWorkspace: archive}, "STEPSEAL_DATABASE", filepath.Join(archive, "db.tar.zst")},
		"a folder with two":           {map[string]string{DatabaseWorkspace: two}, "STEPSEAL_DATABASE", two},
		"a database that was named":   {map[string]string{DatabaseWorkspace: two, "STEPSEAL_DATABASE": "/db"}, "STEPSEAL_DATABASE", "/db"},
		"a database to be downloaded": {map[string]string{DatabaseWorkspace: two, "STEPSEAL_DATABASE_URL": "https://example.com"}, "STEPSEAL_DATABASE", ""},
		"logins":                      {map[string]string{DockerConfigWorkspace: "/d"}, "STEPSEAL_DOCKER_CONFIG", "/d"},
		"no source":                   {nil, "STEPSEAL_OUTPUT_DIRECTORY", fallback},
		"a source":                    {map[string]string{SourceWorkspace: "/s"}, "STEPSEAL_OUTPUT_DIRECTORY", ""},
		"a path out of the folder":    {nil, "STEPSEAL_../KEY_FILE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{SecretsWorkspace: secret}
			for name, value := range test.env {
				env[name] = value
			}
			h, _, _ := host(t, env)
			if got := h.Getenv(test.ask); got != test.wants {
				t.Errorf("%s is %q, expected %q", test.ask, got, test.wants)
			}
		})
	}
}
