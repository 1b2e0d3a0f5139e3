// Package docker has a Docker daemon write images as archives. It is the door to Docker's client, and does nothing else
// to a daemon than to ask for an image.
package docker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Daemon says how the Docker daemon is reached. The zero value finds it at its usual socket.
type Daemon struct {
	Host      string   // DOCKER_HOST: unix:// or tcp://; empty: the first of Sockets that is there
	Sockets   []string // paths where a daemon may listen
	CertPath  string   // DOCKER_CERT_PATH: the folder with ca.pem, cert.pem and key.pem, for tcp:// by TLS
	TLSVerify bool     // DOCKER_TLS_VERIFY
}

// Socket is where a daemon listens that nobody configured.
const Socket = "/var/run/docker.sock"

// Limits on a daemon.
const (
	maxAnswer  = 8 << 20
	askTimeout = time.Minute
	// A daemon may write the whole image to its own disk before it sends the first byte.
	saveTimeout = 10 * time.Minute
)

// Save has the daemon write the image of that name or id. Of an image for several platforms the named one is written,
// by daemons that know such images; the zero Platform leaves it to the daemon.
func (d Daemon) Save(ctx context.Context, name string, platform v1.Platform) (archive io.ReadCloser, size int64, err error) {
	docker, err := d.connect()
	if err != nil {
		return nil, 0, err
	}
	host := docker.DaemonHost()
	if size, err = inspect(ctx, docker, name); err != nil {
		docker.Close()
		return nil, 0, fault(ctx, name, host, err)
	}
	body, err := docker.ImageSave(ctx, []string{name}, saveOptions(docker, platform)...)
	if err != nil {
		docker.Close()
		return nil, 0, fault(ctx, name, host, err)
	}
	return &saved{body, docker}, size, nil
}

// saved closes the connection with the archive.
type saved struct {
	io.ReadCloser
	docker io.Closer
}

func (s *saved) Close() error { return errors.Join(s.ReadCloser.Close(), s.docker.Close()) }

// inspect asks whether the image is there, and how large it is.
func inspect(ctx context.Context, docker *client.Client, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if _, err := docker.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return 0, err
	}
	found, err := docker.ImageInspect(ctx, name)
	return found.Size, err
}

// platformsSince is the version of the API whose daemons know which platform of an image is meant.
const platformsSince = "1.48"

func saveOptions(docker *client.Client, platform v1.Platform) []client.ImageSaveOption {
	if platform.OS == "" || versionLess(docker.ClientVersion(), platformsSince) {
		return nil
	}
	return []client.ImageSaveOption{client.ImageSaveWithPlatforms(ocispec.Platform{OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant})}
}

// versionLess compares 1.MINOR; there has never been another major version.
func versionLess(a, b string) bool {
	return len(a) < len(b) || len(a) == len(b) && a < b
}

func (d Daemon) connect() (*client.Client, error) {
	host := d.host()
	if !strings.HasPrefix(host, "unix://") && !strings.HasPrefix(host, "tcp://") {
		return nil, outcome.New(outcome.InvalidInput, "DOCKER_HOST %.200q", host).
			Hint("unix:///path/to/docker.sock and tcp://host:port are understood; docker save and docker-archive:PATH work with any")
	}
	transport := &http.Transport{ResponseHeaderTimeout: saveTimeout}
	scheme := "http"
	if d.CertPath != "" && !strings.HasPrefix(host, "unix:") {
		scheme = "https"
		config, err := d.tls()
		if err != nil {
			return nil, outcome.New(outcome.InvalidInput, "DOCKER_CERT_PATH %.200q", d.CertPath).Because(err)
		}
		transport.TLSClientConfig = config
	}
	docker, err := client.New(client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(host), client.WithScheme(scheme), client.WithResponseHook(boundAnswer))
	if err != nil {
		return nil, outcome.New(outcome.InvalidInput, "DOCKER_HOST %.200q", host).Because(err)
	}
	return docker, nil
}

func (d Daemon) host() string {
	if d.Host != "" {
		return d.Host
	}
	for _, socket := range d.Sockets {
		if info, err := os.Stat(socket); err == nil && info.Mode().Type() == fs.ModeSocket {
			return "unix://" + socket
		}
	}
	return "unix://" + Socket
}

// tls is what `docker` makes of DOCKER_CERT_PATH; without DOCKER_TLS_VERIFY nobody vouches for the daemon.
// https://docs.docker.com/reference/cli/docker/#environment-variables
func (d Daemon) tls() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(d.CertPath, "cert.pem"), filepath.Join(d.CertPath, "key.pem"))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, InsecureSkipVerify: !d.TLSVerify}
	if !d.TLSVerify {
		return config, nil
	}
	ca, err := os.ReadFile(filepath.Join(d.CertPath, "ca.pem"))
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, errors.New("ca.pem holds no certificate")
	}
	return config, nil
}

// boundAnswer bounds what a daemon says; whoever reads an image bounds that.
func boundAnswer(resp *http.Response) {
	if !strings.HasSuffix(resp.Request.URL.Path, "/images/get") {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
}

// fault turns what the daemon said, or did not say, into the ending it means.
func fault(ctx context.Context, name, host string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errdefs.IsNotFound(err):
		return outcome.New(outcome.ImageNotFound, "the Docker daemon at %s holds no such image", host).
			Hint("docker pull %s, or docker build -t %s", name, name)
	case errors.Is(err, os.ErrPermission) || strings.Contains(err.Error(), "permission denied"):
		return outcome.New(outcome.DaemonUnavailable, "this user may not talk to the Docker daemon at %s", host).
			Hint("add the user to the group docker, or write the image with docker save and name it by docker-archive:PATH")
	case strings.Contains(err.Error(), "minimum supported API version"):
		return outcome.New(outcome.DaemonUnavailable, "the Docker daemon at %s is too old", host).Because(oneLine(err)).
			Hint("Docker 19.03 and newer are understood; docker save and docker-archive:PATH work with any")
	case client.IsErrConnectionFailed(err):
		return outcome.New(outcome.DaemonUnavailable, "no Docker daemon answers at %s", host).Because(oneLine(err))
	}
	return outcome.New(outcome.DaemonUnavailable, "the Docker daemon at %s", host).Because(oneLine(err))
}

// oneLine keeps what a daemon says from upsetting a log.
func oneLine(err error) error {
	return fmt.Errorf("%.300q", strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "?")), " "))
}
