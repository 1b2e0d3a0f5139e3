package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"time"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
)

const (
	// helperTimeout is how long a credential helper may take; some ask a server of their own.
	helperTimeout = 30 * time.Second
	// helperGrace is how long its children may keep its output open once it has ended.
	helperGrace = time.Second
	maxAnswer   = 64 << 10
)

// helperName is what can be the end of a program's name; a slash would make it a path.
var helperName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// program is the credential helper as it is called, and safe to be shown.
func program(helper string) string {
	if !helperName.MatchString(helper) {
		return "that is named there"
	}
	return "docker-credential-" + helper
}

// shown is the helper's name, if it is one; else it may be anything.
func shown(helper string) string {
	if !helperName.MatchString(helper) {
		return ""
	}
	return helper
}

// ask has a credential helper look a registry up; nil where it knows no login. Whatever it prints may be a password, so
// nothing of it is repeated.
func ask(ctx context.Context, helper, host string, timeout time.Duration) (*authn.AuthConfig, error) {
	if !helperName.MatchString(helper) {
		return nil, errors.New("is not the name of a program")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, server := range servers(host) {
		call := &invocation{ctx: ctx, program: program(helper)}
		answer, err := client.Get(call.with, server)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, fmt.Errorf("has not answered for %s", timeout)
		case credentials.IsErrCredentialsNotFound(err):
			continue
		case err != nil:
			return nil, call.wrong()
		case answer.Username == "" && answer.Secret == "":
			continue
		}
		login := &authn.AuthConfig{Username: answer.Username, Password: answer.Secret}
		if answer.Username == "<token>" {
			login = &authn.AuthConfig{IdentityToken: answer.Secret}
		}
		return login, sendable(*login)
	}
	return nil, nil
}

// servers are the names under which helpers keep a registry: docker login writes a URL for Docker Hub, Podman does not.
func servers(host string) []string {
	if host == dockerHub {
		return []string{authn.DefaultAuthKey, dockerHub}
	}
	return []string{host}
}

// invocation is one call of a helper, which the protocol's own library makes.
type invocation struct {
	ctx     context.Context
	program string
	args    []string
	input   io.Reader
	failed  error
}

func (c *invocation) with(args ...string) client.Program {
	c.args = args
	return c
}

// Input is what the helper reads.
func (c *invocation) Input(in io.Reader) { c.input = in }

// Output runs the helper, and takes no more than the bound of what it prints. What it says on standard error is dropped.
func (c *invocation) Output() ([]byte, error) {
	var answer bounded
	cmd := exec.CommandContext(c.ctx, c.program, c.args...)
	cmd.Stdin, cmd.Stdout, cmd.WaitDelay = c.input, &answer, helperGrace
	c.failed = cmd.Run()
	if answer.long {
		c.failed = errLong // whatever became of a program that nobody listened to any more
	}
	return answer.taken.Bytes(), c.failed
}

// wrong says what went wrong in words that hold nothing of the answer.
func (c *invocation) wrong() error {
	var exit *exec.ExitError
	switch {
	case errors.Is(c.failed, errLong):
		return fmt.Errorf("answers with more than %d bytes", maxAnswer)
	case errors.Is(c.failed, exec.ErrNotFound):
		return errors.New("is not on the PATH")
	case errors.As(c.failed, &exit):
		return fmt.Errorf("ends with %s; what it prints is not shown here, since it may be a secret", exit.ProcessState)
	case c.failed != nil:
		return fmt.Errorf("cannot be run: %w", bare(c.failed))
	}
	return errors.New("gives an answer that cannot be read")
}

var errLong = errors.New("too long")

// bounded takes the answer, up to the bound. The buffer is not embedded: its ReadFrom would know of no bound.
type bounded struct {
	taken bytes.Buffer
	long  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.taken.Len()+len(p) > maxAnswer {
		b.long = true
		return 0, errLong
	}
	return b.taken.Write(p)
}
