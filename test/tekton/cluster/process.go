package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// start runs a program until the tests end; what it prints goes to NAME.log in the state folder. Its end is the end of the
// cluster: every wait fails with it.
func (c *Cluster) start(name, program string, args ...string) error {
	log, err := os.Create(c.path(name + ".log"))
	if err != nil {
		return err
	}
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = log, log
	command.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if err := command.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		err := command.Wait()
		_ = log.Close()
		c.fail(fmt.Errorf("%s has ended (%v): %s", name, err, tail(c.path(name+".log"))))
	}()
	return nil
}

func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return filepath.Base(path) + ":\n" + strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// Eventually asks again and again until the answer is yes, the time is over or a component has ended.
func (c *Cluster) Eventually(what string, limit time.Duration, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(c.ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	var last error
	for {
		done, err := ask(ctx)
		if done {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (last answer: %v)", what, context.Cause(ctx), last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
