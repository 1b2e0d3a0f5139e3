package step

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/outcome"
)

var (
	colour   = Text(Declaration{Name: "colour", Usage: "x", Default: "red", Choices: []string{"red", "blue"}, Section: "paint"})
	size     = Duration(Declaration{Name: "size", Usage: "x", Section: "paint"})
	names    = List(Declaration{Name: "names", Usage: "x", Section: "paint"})
	wet      = Switch(Declaration{Name: "wet", Usage: "x"})
	needed   = Text(Declaration{Name: "needed", Usage: "x", Required: true})
	password = Password(Declaration{Name: "password", Usage: "x"})
	config   = Text(Declaration{Name: "config", Usage: "x"})
	out      = Text(Declaration{Name: "outputs", Usage: "x"})
	summary  = Text(Declaration{Name: "summary", Usage: "x"})
)

type quiet struct{ results []Result }

func (*quiet) Note(string, ...any)           {}
func (*quiet) Warn(string, ...any)           {}
func (*quiet) Progress(string, int64, int64) {}
func (q *quiet) Publish(r Result) error      { q.results = append(q.results, r); return nil }

func execute(t *testing.T, spec *Spec, flags, env map[string]string) (Result, error) {
	t.Helper()
	host := &quiet{}
	world := World{Getenv: func(name string) string { return env[name] }, Host: host, NewScratch: func() (string, error) { return t.TempDir(), nil }}
	var known []Declaration
	for _, in := range spec.Inputs {
		known = append(known, in.Declaration())
	}
	err := Execute(context.Background(), spec, flags, nil, known, world)
	if len(host.results) != 1 {
		t.Fatalf("published %d times", len(host.results))
	}
	return host.results[0], err
}

func TestAValueOfTheConfigFileIsWrongWhereItStands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("version: 1\npaint:\n  colour: green\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := &Spec{Name: "x", Inputs: []Input{colour, config}, Run: func(context.Context, *Run) error { return nil }}
	_, err := execute(t, spec, map[string]string{"config": file}, nil)
	var known *outcome.Error
	if !errors.As(err, &known) {
		t.Fatal(err)
	}
	want := []string{`paint.colour in ` + file + `, line 3, column 11: "green" is not one of red, blue`}
	if diff := cmp.Diff(want, known.Evidence); diff != "" {
		t.Error(diff)
	}
}

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("version: 1\npaint:\n  colour: blue\n  names: [a, b]\n  size: 3d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Colour string
		Size   time.Duration
		Names  []string
		Wet    bool
		Given  bool
	}
	for name, test := range map[string]struct {
		flags, env map[string]string
		want       seen
	}{
		"defaults":                          {nil, nil, seen{Colour: "red"}},
		"the config file over defaults":     {map[string]string{"config": file}, nil, seen{"blue", 72 * time.Hour, []string{"a", "b"}, false, true}},
		"the environment over the file":     {map[string]string{"config": file}, map[string]string{"STEPSEAL_COLOUR": "red", "STEPSEAL_NAMES": "c"}, seen{"red", 72 * time.Hour, []string{"c"}, false, true}},
		"a flag over the environment":       {map[string]string{"colour": "blue", "wet": "true"}, map[string]string{"STEPSEAL_COLOUR": "red"}, seen{"blue", 0, nil, true, true}},
		"an empty flag is unset":            {map[string]string{"colour": ""}, map[string]string{"STEPSEAL_COLOUR": "blue"}, seen{"blue", 0, nil, false, true}},
		"an empty variable is unset":        {nil, map[string]string{"STEPSEAL_COLOUR": ""}, seen{Colour: "red"}},
		"a config named by the environment": {nil, map[string]string{"STEPSEAL_CONFIG": file}, seen{"blue", 72 * time.Hour, []string{"a", "b"}, false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var got seen
			spec := &Spec{Name: "s", Inputs: []Input{colour, size, names, wet, config}, Run: func(_ context.Context, r *Run) error {
				got = seen{colour.Of(r), size.Of(r), names.Of(r), wet.Of(r), r.Given(colour)}
				return nil
			}}
			if _, err := execute(t, spec, test.flags, test.env); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryMistakeAtOnceAndNothingRuns(t *testing.T) {
	spec := &Spec{Name: "s", Inputs: []Input{colour, size, needed, password}, Run: func(context.Context, *Run) error {
		t.Error("it ran")
		return nil
	}}
	result, err := execute(t, spec, map[string]string{"colour": "green", "size": "big", "password-file": "/nowhere"}, nil)
	if outcome.Code(err) != 12 || len(result.Err.Evidence) != 4 {
		t.Errorf("got %v: %q", err, result.Err.Evidence)
	}
}

func TestHalfOfAPairIsAMistake(t *testing.T) {
	name := Text(Declaration{Name: "name", Usage: "x", With: "word"})
	word := Password(Declaration{Name: "word", Usage: "x", With: "name"})
	for what, test := range map[string]struct {
		flags, env map[string]string
		want       int
	}{
		"none":                       {nil, nil, 0},
		"both":                       {map[string]string{"name": "a"}, map[string]string{"STEPSEAL_WORD": "b"}, 0},
		"the name alone":             {map[string]string{"name": "a"}, nil, 1},
		"the word alone":             {nil, map[string]string{"STEPSEAL_WORD": "b"}, 1},
		"an empty name and a word":   {map[string]string{"name": ""}, map[string]string{"STEPSEAL_WORD": "b"}, 1},
		"a word that cannot be read": {map[string]string{"name": "a", "word-file": "/nowhere"}, nil, 1},
	} {
		t.Run(what, func(t *testing.T) {
			spec := &Spec{Name: "s", Inputs: []Input{name, word}, Run: func(context.Context, *Run) error { return nil }}
			result, _ := execute(t, spec, test.flags, test.env)
			got := 0
			if result.Err != nil {
				got = len(result.Err.Evidence)
			}
			if got != test.want {
				t.Errorf("got %v", result.Err)
			}
		})
	}
	alone := &Spec{Name: "s", Inputs: []Input{name}}
	if alone.Check() == nil {
		t.Error("a declaration with half of a pair passes")
	}
}

func TestSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags, env map[string]string
		want       string
		given      bool
	}{
		"none":                      {nil, nil, "", false},
		"from the environment":      {nil, map[string]string{"STEPSEAL_PASSWORD": "hunter2"}, "hunter2", true},
		"from a file by a flag":     {map[string]string{"password-file": file}, map[string]string{"STEPSEAL_PASSWORD": "other"}, "from the file", true},
		"from a file by a variable": {nil, map[string]string{"STEPSEAL_PASSWORD_FILE": file}, "from the file", true},
		"never from a flag":         {map[string]string{"password": "typed"}, nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &Spec{Name: "s", Inputs: []Input{password}, Run: func(_ context.Context, r *Run) error {
				s := password.Of(r)
				if string(s.Reveal()) != test.want || s.Given() != test.given {
					t.Errorf("got %q, given %v", s.Reveal(), s.Given())
				}
				if printed := fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s); test.want != "" && strings.Contains(printed, test.want) {
					t.Errorf("printed as %s", printed)
				}
				return nil
			}}
			if _, err := execute(t, spec, test.flags, test.env); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestConfigIsStrict(t *testing.T) {
	known := []Declaration{colour.Declaration(), names.Declaration()}
	for name, test := range map[string]struct{ text, want string }{
		"a key that is not known":     {"version: 1\npaint:\n  color: red\n", `line 3, column 3: unknown key "color" under paint`},
		"a section that is not known": {"version: 1\npant: {}\n", `line 2, column 1: unknown key "pant"`},
		"a key that stands twice":     {"version: 1\npaint:\n  colour: red\n  colour: blue\n", "stands twice"},
		"no version":                  {"paint:\n  colour: red\n", "version is missing"},
		"another version":             {"version: 2\n", "version \"2\" is not known"},
		"a list for one value":        {"version: 1\npaint:\n  colour: [red]\n", "colour takes one value"},
		"a mapping in a list":         {"version: 1\npaint:\n  names: [{a: b}]\n", "list of plain values"},
		"nothing":                     {"", "empty"},
		"broken YAML":                 {"version: [1\n", "line"},
		"no mapping":                  {"- 1\n", "not a mapping"},
		"a second document":           {"version: 1\n---\nversion: 1\n", "more than one document"},
		"an alias bomb":               {"version: 1\npaint: &a\n  names: [*a]\n", "line"},
	} {
		t.Run(name, func(t *testing.T) {
			mistakes := parseConfig([]byte(test.text), known).mistakes
			if len(mistakes) == 0 || !strings.Contains(strings.Join(mistakes, "\n"), test.want) {
				t.Errorf("got %q, want %q", mistakes, test.want)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	known := []Declaration{colour.Declaration(), names.Declaration()}
	f.Add([]byte("version: 1\npaint:\n  colour: red\n  names: [a, b]\n"))
	f.Add([]byte("version: 1\npaint: &a {names: [*a]}\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := parseConfig(raw, known)
		values, mistakes := p.values, p.mistakes
		if len(mistakes) > 0 {
			return
		}
		for key := range values {
			if key != "paint.colour" && key != "paint.names" {
				t.Errorf("accepted the key %q", key)
			}
		}
	})
}

func TestOutputsHaveAllNamesWhateverTheEnding(t *testing.T) {
	dir := t.TempDir()
	spec := &Spec{Name: "s", Inputs: []Input{out}, Outputs: []Output{{"digest", "x"}, {"path", "x"}}, Run: func(_ context.Context, r *Run) error {
		r.Set("digest", "sha256:1\nSTEPSEAL_VERDICT=accepted")
		return outcome.New(outcome.Vulnerable, "no")
	}}
	for file, want := range map[string]string{
		"o.env":  "STEPSEAL_VERDICT=refused\nSTEPSEAL_REASON=vulnerable\nSTEPSEAL_DIGEST=sha256:1?STEPSEAL_VERDICT=accepted\nSTEPSEAL_PATH=\n",
		"o.json": "{\n  \"verdict\": \"refused\",\n  \"reason\": \"vulnerable\",\n  \"digest\": \"sha256:1\\nSTEPSEAL_VERDICT=accepted\",\n  \"path\": \"\"\n}\n",
	} {
		_, err := execute(t, spec, map[string]string{"outputs": filepath.Join(dir, file)}, nil)
		if outcome.Code(err) != 10 {
			t.Errorf("code %d", outcome.Code(err))
		}
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func TestDotenvKeepsGitLabsLimits(t *testing.T) {
	var values []Value
	for i := range 40 {
		values = append(values, Value{fmt.Sprintf("n-%d", i), ""}, Value{fmt.Sprintf("v-%d", i), strings.Repeat("x", 400)})
	}
	got := string(encodeDotenv(values))
	if lines := strings.Count(got, "\n"); lines > 20 || len(got) > 5<<10 || !strings.HasPrefix(got, "STEPSEAL_V_0=") {
		t.Errorf("%d lines, %d bytes", lines, len(got))
	}
}

func TestAResultThatCannotBeWrittenIsNoYes(t *testing.T) {
	answer := error(nil)
	spec := &Spec{Name: "s", Inputs: []Input{out}, Run: func(context.Context, *Run) error { return answer }}
	full := map[string]string{"outputs": "/dev/full"}
	if result, err := execute(t, spec, full, nil); outcome.Of(err).Reason != outcome.OutputUnwritable || result.Ending != outcome.Undecided {
		t.Errorf("a yes became %v", err)
	}
	answer = outcome.New(outcome.Vulnerable, "no")
	if _, err := execute(t, spec, full, nil); outcome.Code(err) != 10 || !strings.Contains(outcome.Of(err).Evidence[0], "/dev/full") {
		t.Errorf("a no became %v", err)
	}
}

func TestTheOutputsSayHowItEndedAlthoughTheSummaryWasLost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "o.env")
	spec := &Spec{Name: "s", Inputs: []Input{out, summary}, Run: func(context.Context, *Run) error { return nil }}
	_, err := execute(t, spec, map[string]string{"outputs": file, "summary": "/dev/full"}, nil)
	if outcome.Code(err) != 11 {
		t.Errorf("got %v", err)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != "STEPSEAL_VERDICT=undecided\nSTEPSEAL_REASON=output-unwritable\n" {
		t.Errorf("got %q %v", got, err)
	}
}

func TestACommandWithoutOutputsLeavesThoseOfTheJobAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "o.env")
	spec := &Spec{Name: "version", Run: func(context.Context, *Run) error { return nil }}
	if _, err := execute(t, spec, nil, map[string]string{"STEPSEAL_OUTPUTS": file, "STEPSEAL_SUMMARY": file}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Error("it wrote outputs that it does not declare")
	}
}

func TestTheWorkingDirectoryDoesNotDecideWhatIsEnough(t *testing.T) {
	require := Text(Declaration{Name: "require", Usage: "x", Default: "all", Section: "verify"})
	t.Chdir(t.TempDir())
	if err := os.WriteFile(ConfigFile, []byte("version: 1\nverify:\n  require: nothing\npaint:\n  colour: blue\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"": "all blue", ConfigFile: "nothing blue"} {
		var got string
		spec := &Spec{Name: "s", Inputs: []Input{require, colour, config}, LocalConfig: true, Run: func(_ context.Context, r *Run) error {
			got = require.Of(r) + " " + colour.Of(r)
			return nil
		}}
		if _, err := execute(t, spec, map[string]string{"config": file}, nil); err != nil || got != want {
			t.Errorf("config %q: %s, %v", file, got, err)
		}
	}
}

func TestAPanicIsABug(t *testing.T) {
	spec := &Spec{Name: "s", Run: func(context.Context, *Run) error { panic("oops") }}
	if _, err := execute(t, spec, nil, nil); outcome.Code(err) != 13 || !strings.Contains(err.Error(), "oops") {
		t.Errorf("got %v", err)
	}
}

func TestASignalEndsARunThatDoesNotListen(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	running := make(chan struct{})
	release := make(chan struct{})
	late := make(chan error, 1)
	spec := &Spec{Name: "s", Run: func(_ context.Context, r *Run) error {
		close(running)
		<-release
		late <- r.WriteFile(filepath.Join(dir, "late"), []byte("x"))
		return nil
	}}
	go func() { <-running; cancel() }()
	host := &quiet{}
	err := Execute(ctx, spec, nil, nil, nil, World{Getenv: func(string) string { return "" }, Host: host, NewScratch: func() (string, error) { return dir, nil }})
	if outcome.Of(err).Reason != outcome.Interrupted || len(host.results) != 1 {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := <-late; err == nil {
		t.Error("something was written after the end")
	}
}

func TestFilesAppearWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	files := &Files{}
	if err := files.Write(filepath.Join(dir, "sub", "a"), []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := files.Write(filepath.Join(dir, "sub", "a", "b"), []byte("x")); outcome.Of(err).Reason != outcome.OutputUnwritable {
		t.Errorf("below a file: %v", err)
	}
	if err := files.Write("/dev/full", []byte("x")); !strings.Contains(fmt.Sprint(err), "no space left") {
		t.Errorf("a full device: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "sub"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v %v", entries, err)
	}
}

func TestScratchOfADeadRunIsSwept(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	dead := filepath.Join(dir, scratchPrefix+"dead")
	if err := errors.Join(os.Mkdir(dead, 0o700), os.WriteFile(filepath.Join(dead, ".lock"), nil, 0o600), os.Chtimes(dead, old, old)); err != nil {
		t.Fatal(err)
	}
	first, err := NewScratch(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(first.Path, old, old); err != nil {
		t.Fatal(err)
	}
	second, err := NewScratch(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Error("the dead run's folder is still there")
	}
	if _, err := os.Stat(first.Path); err != nil {
		t.Error("the living run's folder is gone")
	}
	first.Remove()
	second.Remove()
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left: %v", entries)
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "8MiB": 8 << 20, "8 MiB": 8 << 20, "512MB": 512e6, "1kB": 1000, "1KiB": 1024, "100B": 100, "2TiB": 2 << 40,
		"": 0, "0": 0, "-1": 0, "8mib": 0, "1.5GiB": 0, "MiB": 0, "1 2": 0, "9223372036854775807": 1<<63 - 1, "9223372036854775808": 0, "9007199254740992KiB": 0} {
		if got, err := ParseBytes(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestKeyMaterial(t *testing.T) {
	const key = "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----\n"
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	material := KeyMaterial(Declaration{Name: "key", Usage: "x", Secret: true, Required: true, ToWrite: true}, outcome.KeyUnusable, 100)
	for name, test := range map[string]struct {
		flags, env map[string]string
		want       string // empty: a mistake
		file       string
	}{
		"a path by the flag":              {flags: map[string]string{"key": file}, want: key, file: file},
		"a path by the variable":          {env: map[string]string{"STEPSEAL_KEY": file}, want: key, file: file},
		"a path by the variable of one":   {env: map[string]string{"STEPSEAL_KEY_FILE": file}, want: key, file: file},
		"the content by the variable":     {env: map[string]string{"STEPSEAL_KEY": key}, want: key},
		"never the content by the flag":   {flags: map[string]string{"key": key}},
		"no file":                         {env: map[string]string{"STEPSEAL_KEY": "MIIsecret"}},
		"a folder":                        {env: map[string]string{"STEPSEAL_KEY": filepath.Dir(file)}},
		"nothing":                         {},
		"more than there may be of a key": {env: map[string]string{"STEPSEAL_KEY_FILE": "/dev/zero"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got PEM
			spec := &Spec{Name: "s", Inputs: []Input{material}, Run: func(_ context.Context, r *Run) error { got = material.Of(r); return nil }}
			result, err := execute(t, spec, test.flags, test.env)
			if string(got.Content) != test.want || got.File != test.file || (err == nil) != (test.want != "") {
				t.Errorf("got %q of %q, %v", got.Content, got.File, err)
			}
			if err != nil && strings.Contains(fmt.Sprint(result.Err, result.Err.Evidence), "MIIsecret") {
				t.Errorf("it says %v %q", err, result.Err.Evidence)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", got, got, &got), "MIIsecret") {
				t.Error("it can be printed")
			}
		})
	}
}

func TestOutputsOfAnEarlierStep(t *testing.T) {
	for text, want := range map[string]map[string]string{
		`{"image":"a@sha256:1","evidence":"x/evidence.json","evidence-digest":"d","sbom":"s","verdict":"accepted"}`: {"image": "a@sha256:1", "evidence": "x/evidence.json", "evidence-digest": "d"},
		`{"evidence":"x/evidence.json","evidence-reference":"oci:r@sha256:1"}`:                                      {"evidence": "oci:r@sha256:1"},
		`{"evidence":"step_test.go","evidence-reference":"oci:r@sha256:1"}`:                                         {"evidence": "step_test.go"},
		`{"image":""}`: nil, `{"verdict":"accepted"}`: nil, `[]`: nil, `{"image":1}`: nil, `{"image":"a","image":"b"}`: nil, ``: nil, `null`: nil,
	} {
		got, err := parseOutputs([]byte(text))
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%s: %v %v", text, err, diff)
		}
	}
}

func FuzzParseOutputs(f *testing.F) {
	f.Add([]byte(`{"image":"a@sha256:1","evidence":"","evidence-reference":"oci:r@sha256:1"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		handed, err := parseOutputs(raw)
		if err == nil && len(handed) == 0 {
			t.Fatal("nothing was handed on, and that is no mistake")
		}
	})
}

func TestFilesOfRootBelongToTheFoldersOwner(t *testing.T) {
	dir, want := t.TempDir(), os.Geteuid() // whoever is not root can only keep what they make
	if want == 0 {
		want = 1001
	}
	if err := os.Chown(dir, want, -1); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a", "b", "c.json")
	if err := (&Files{}).Write(path, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for _, made := range []string{path, filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		own, err := owner(made)
		if err != nil || int(own.Uid) != want {
			t.Errorf("%s belongs to %v, %v", made, own, err)
		}
	}
}
