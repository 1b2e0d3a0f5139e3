package actions_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// runner is a machine of GitHub's: its folders belong to uid 1001, and container steps are root.
// https://github.com/actions/runner/blob/main/src/Runner.Worker/Handlers/ContainerActionHandler.cs
type runner struct{ root string }

func newRunner(t *testing.T) runner {
	r := runner{t.TempDir()}
	for _, sub := range []string{"workspace", "temp/_github_home", "temp/_runner_file_commands"} {
		if err := os.MkdirAll(filepath.Join(r.root, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"output", "summary"} {
		write(t, r.command(name), "")
	}
	err := filepath.WalkDir(r.root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			err = os.Chmod(name, 0o644)
		}
		if err == nil {
			err = os.Chown(name, 1001, 1001)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r runner) command(name string) string {
	return filepath.Join(r.root, "temp/_runner_file_commands", name)
}

// run is a container step, with the environment as the action gives it.
func (r runner) run(t *testing.T, s *surroundings, env ...string) (log string, code int) {
	t.Helper()
	args := []string{"run", "--rm", "--network=host", "--workdir=/github/workspace",
		"-v", r.root + "/temp:/github/runner_temp", "-v", r.root + "/temp/_github_home:/github/home",
		"-v", r.root + "/temp/_runner_file_commands:/github/file_commands", "-v", r.root + "/workspace:/github/workspace",
		"-e", "HOME=/github/home", "-e", "GITHUB_ACTIONS=true", "-e", "RUNNER_TEMP=/github/runner_temp", "-e", "GITHUB_WORKSPACE=/github/workspace",
		"-e", "GITHUB_OUTPUT=/github/file_commands/output", "-e", "GITHUB_STEP_SUMMARY=/github/file_commands/summary",
		"-e", "GRYPE_DB_CACHE_DIR=/github/runner_temp/stepseal-database", "-e", "STEPSEAL_DATABASE_URL=" + s.database.URL + "/latest.json", "-e", "STEPSEAL_MAX_DATABASE_AGE=0"}
	for _, variable := range env {
		args = append(args, "-e", variable)
	}
	cmd := exec.Command("docker", append(args, s.image, "scan-gate")...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestTheContainerOnARunner: everything written belongs to the runner, and twenty images need one download.
func TestTheContainerOnARunner(t *testing.T) {
	s := arrange(t)
	r := newRunner(t)
	s.push(t, "team/bad:1", "2.14.1")
	if log, code := r.run(t, s, "STEPSEAL_IMAGE="+s.registry.Host()+"/team/bad:1"); code != 10 {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	if got := s.downloads.Load(); got != 1 {
		t.Errorf("the database was downloaded %d times", got)
	}
	for name, text := range map[string]string{"output": "\nrefused\n", "summary": "## stepseal scan-gate: refused"} {
		content, err := os.ReadFile(r.command(name))
		if err != nil || !strings.Contains(string(content), text) {
			t.Errorf("%s: %v\n%s", name, err, content)
		}
	}
	err := filepath.WalkDir(r.root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 1001 {
			t.Errorf("%s belongs to %d", name, stat.Uid)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		ref := fmt.Sprintf("team/service%d:1", i)
		s.push(t, ref, "2.17.1")
		if log, code := r.run(t, s, "STEPSEAL_IMAGE="+s.registry.Host()+"/"+ref); code != 0 {
			t.Fatalf("exit code %d\n%s", code, log)
		}
	}
	if got := s.downloads.Load(); got != 1 {
		t.Errorf("on a warm cache the database was downloaded %d times more", got-1)
	}
}
