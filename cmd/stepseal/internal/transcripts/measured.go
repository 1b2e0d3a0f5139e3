//go:build unix

package transcripts

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// PeakVariable names the file into which stepseal-measured writes the peak of its memory, in bytes.
const PeakVariable = "TEST_PEAK_MEMORY"

// measured runs stepseal as a child, and writes down the peak of its memory. The kernel counts the memory of the process
// that started it into a child's peak, and the tests themselves hold the bombs.
func measured() int {
	cmd := exec.Command("stepseal", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		panic(err)
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "linux" {
		peak <<= 10 // it counts in KiB there
	}
	if err := os.WriteFile(os.Getenv(PeakVariable), fmt.Append(nil, peak), 0o600); err != nil {
		panic(err)
	}
	return cmd.ProcessState.ExitCode()
}
