// Package programs runs the programs of a Sigstore for tests, and waits until they serve. What they print goes to files, of
// which an error tells the end.
package programs

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
	"sync"
	"time"
)

// Program runs until the end and answers at an address.
type Program struct {
	Name  string
	Path  string
	Args  []string
	Env   []string // besides HOME and PATH
	Ready string   // a URL that answers 200 once it serves; of one that speaks gRPC, host:port
}

// Group is programs that run together: the end of one is the end of all.
type Group struct {
	folder  string
	ctx     context.Context
	end     context.CancelCauseFunc
	running sync.WaitGroup
}

// errClosed is how a group ends that is no longer wanted.
var errClosed = errors.New("closed")

// In is a group without a program, which has the folder for its home and writes NAME.log there.
func In(folder string) *Group {
	ctx, end := context.WithCancelCause(context.Background())
	return &Group{folder: folder, ctx: ctx, end: end}
}

// Start starts programs together and waits for each.
func (g *Group) Start(all ...Program) error {
	for _, one := range all {
		if err := g.start(one); err != nil {
			return err
		}
	}
	for _, one := range all {
		if err := g.await(one); err != nil {
			return err
		}
	}
	return nil
}

// Output is what a program prints that does its work and ends.
func (g *Group) Output(path string, args ...string) (string, error) {
	printed, err := g.command(path, args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(path), err, failed.Stderr)
	}
	return strings.TrimSpace(string(printed)), err
}

// AtEnd calls something when the group ends.
func (g *Group) AtEnd(call func()) { context.AfterFunc(g.ctx, call) }

// Close ends every program and waits for it.
func (g *Group) Close() {
	g.end(errClosed)
	g.running.Wait()
}

// command is one that is killed when the group ends: nothing of it is kept.
func (g *Group) command(path string, args ...string) *exec.Cmd {
	command := exec.CommandContext(g.ctx, path, args...)
	command.Dir = g.folder
	command.Env = []string{"HOME=" + g.folder, "PATH=" + os.Getenv("PATH")}
	return command
}

func (g *Group) start(of Program) error {
	log, err := os.Create(filepath.Join(g.folder, of.Name+".log"))
	if err != nil {
		return err
	}
	command := g.command(of.Path, of.Args...)
	command.Env = append(command.Env, of.Env...)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", of.Name, err), log.Close())
	}
	g.running.Go(func() {
		err := command.Wait()
		_ = log.Close()
		g.end(fmt.Errorf("%s has ended (%v): %s", of.Name, err, tail(log.Name())))
	})
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

// await asks until the program answers.
func (g *Group) await(of Program) error {
	ctx, cancel := context.WithTimeoutCause(g.ctx, time.Minute, errors.New("not within a minute"))
	defer cancel()
	for {
		last := answers(ctx, of.Ready)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (last answer: %v)", of.Name, context.Cause(ctx), last)
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
