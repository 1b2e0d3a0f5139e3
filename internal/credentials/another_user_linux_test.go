package credentials

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

const nobody = 65534

func TestAFileOfAnotherUser(t *testing.T) {
	dir := t.TempDir()
	inClosed := write(t, dir, "closed/.docker/config.json", auths("quay.io"))
	file := write(t, dir, "home/.docker/config.json", auths("quay.io"))
	closed := filepath.Join(dir, "closed")
	for _, path := range []string{file, closed} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) })
	asOrdinary(t, filepath.Dir(dir), dir)

	if got, err := resolve(t, New(Sources{Getenv: getenv(map[string]string{"HOME": closed})}), "quay.io/a"); err != nil || got != "anonymous" {
		t.Errorf("the home of another user: %s, %v", got, err)
	}
	if _, err := resolve(t, New(Sources{Getenv: getenv(map[string]string{"DOCKER_CONFIG": filepath.Dir(inClosed)})}), "quay.io/a"); err == nil || !strings.Contains(err.Error(), "cannot be entered") {
		t.Errorf("a folder that was named: %v", err)
	}
	if _, err := resolve(t, New(Sources{Getenv: getenv(map[string]string{"HOME": filepath.Join(dir, "home")})}), "quay.io/a"); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that is there: %v", err)
	}
}

// asOrdinary lets the rest of the test look at files as an ordinary user does, who may enter the folders; root, who may
// read everything, would see nothing of what is tested. The identity for files is one of the thread.
// https://man7.org/linux/man-pages/man2/setfsuid.2.html
func asOrdinary(t *testing.T, folders ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, folder := range folders {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Setfsuid(0) // it reports no errors; the thread ends with the test if it is not unlocked
		runtime.UnlockOSThread()
	})
}
