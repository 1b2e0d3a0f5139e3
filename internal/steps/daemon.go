package steps

import (
	"path"

	"github.com/stepseal/stepseal/internal/docker"
	"github.com/stepseal/stepseal/internal/step"
)

// daemon is the Docker daemon that the docker command would ask, without its contexts.
// https://docs.docker.com/reference/cli/docker/#environment-variables
func daemon(r *step.Run) docker.Daemon {
	d := docker.Daemon{Host: r.Getenv("DOCKER_HOST"), CertPath: r.Getenv("DOCKER_CERT_PATH"), TLSVerify: r.Getenv("DOCKER_TLS_VERIFY") != "",
		Sockets: []string{docker.Socket}}
	if runtime := r.Getenv("XDG_RUNTIME_DIR"); runtime != "" { // where a daemon without root listens
		d.Sockets = append(d.Sockets, path.Join(runtime, "docker.sock"))
	}
	if d.TLSVerify && d.CertPath == "" {
		d.CertPath = path.Join(r.Getenv("HOME"), ".docker")
	}
	return d
}
