package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A service is a program that runs until the end and answers at an address.
type service struct {
	name    string
	program string
	args    []string
	ready   string // a URL that answers 200 once it serves; of one that speaks gRPC, host:port
}

// start runs the service; what it prints goes to NAME.log. Its end is the end of the Sigstore: every wait fails with it.
func (s *Stack) start(of service) error {
	log, err := os.Create(s.path(of.name + ".log"))
	if err != nil {
		return err
	}
	command := exec.Command(of.program, of.args...)
	command.Stdout, command.Stderr = log, log
	command.Dir = s.folder
	command.Env = []string{"HOME=" + s.folder, "PATH=" + os.Getenv("PATH")}
	if err := command.Start(); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", of.name, err), log.Close())
	}
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		err := command.Wait()
		_ = log.Close()
		s.end(fmt.Errorf("%s has ended (%v): %s", of.name, err, tail(log.Name())))
	}()
	go func() {
		<-s.ctx.Done()
		_ = command.Process.Signal(syscall.SIGKILL) // nothing of it is kept, and it may have ended by itself
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

// await asks until the service answers.
func (s *Stack) await(of service) error {
	ctx, cancel := context.WithTimeoutCause(s.ctx, time.Minute, errors.New("not within a minute"))
	defer cancel()
	for {
		last := answers(ctx, of.ready)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (last answer: %v)", of.name, context.Cause(ctx), last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func answers(ctx context.Context, address string) error {
	if !strings.Contains(address, "://") {
		connection, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
