package transcripts

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// ends CODE REASON PROGRAM ARGS... runs a program and compares its exit code and the output reason; - is no reason.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: ends CODE REASON PROGRAM ARGS...")
	}
	if out := ts.Getenv("STEPSEAL_OUTPUTS"); strings.HasPrefix(out, ts.Getenv("WORK")) {
		_ = os.Remove(out)
	}
	err := ts.Exec(args[2], args[3:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, expected %s", code, args[0])
	}
	if args[1] == "-" {
		return
	}
	if !strings.Contains(ts.ReadFile("stderr"), "["+args[1]+"]") {
		ts.Fatalf("standard error does not name the reason %s", args[1])
	}
}

// outputs NAME=VALUE... compares what the last run published; VALUE * is anything but empty.
func outputs(ts *testscript.TestScript, neg bool, args []string) {
	var got map[string]string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.Getenv("STEPSEAL_OUTPUTS"))), &got))
	for _, arg := range args {
		name, want, _ := strings.Cut(arg, "=")
		value, ok := got[name]
		if !ok {
			ts.Fatalf("no output %s", name)
		}
		if same := value == want || want == "*" && value != ""; same == neg {
			ts.Fatalf("output %s is %q", name, value)
		}
	}
}

// results FOLDER NAME=VALUE... compares files of Tekton's results folder; VALUE * is anything but empty. In every one of
// them there is no newline, and the folder holds nothing half written.
func results(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, entry := range entries {
		if content := ts.ReadFile(filepath.Join(args[0], entry.Name())); strings.HasPrefix(entry.Name(), ".") || strings.Contains(content, "\n") {
			ts.Fatalf("%s is %q", entry.Name(), content)
		}
	}
	for _, arg := range args[1:] {
		name, want, _ := strings.Cut(arg, "=")
		value := ts.ReadFile(filepath.Join(args[0], name))
		if same := value == want || want == "*" && value != ""; same == neg {
			ts.Fatalf("result %s is %q", name, value)
		}
	}
}

// interrupt ARGS... starts stepseal, sends SIGTERM once it hangs in a request, and checks that it ends with 11 in time.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	path, err := lookIn(ts.Getenv("PATH"), "stepseal")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "DOCKER_CONFIG", "XDG_CACHE_HOME", "STEPSEAL_OUTPUTS", "STEPSEAL_MAX_DATABASE_AGE", "STEPSEAL_HOST", "STEPSEAL_RESULTS"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	registry := registryOf(ts)
	ts.Check(cmd.Start())
	for deadline := time.Now().Add(20 * time.Second); registry.Requests().Count("GET", "/v2/*/blobs/*") < 1; {
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			ts.Fatalf("it never asked for a layer")
		}
		time.Sleep(10 * time.Millisecond)
	}
	var once sync.Once
	kill := time.AfterFunc(20*time.Second, func() { once.Do(func() { _ = cmd.Process.Kill() }) })
	defer kill.Stop()
	sent := time.Now()
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	if took := time.Since(sent); cmd.ProcessState.ExitCode() != 11 || took > time.Second {
		ts.Fatalf("exit code %d after %s", cmd.ProcessState.ExitCode(), took)
	}
}

func lookIn(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s is not in %s", name, path)
}
