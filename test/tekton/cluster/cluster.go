// Package cluster starts a Kubernetes of one node, with Tekton on it, for the tests of stepseal's Tasks: etcd, the API server,
// the controller manager, the kubelet, containerd and Tekton's controllers, all as they are upstream. Only the scheduler is
// missing, for there is nothing to decide.
//
// It must be the only thing in a network, a process and a mount namespace of its own, which the script run makes: what it
// starts ends with them, and what it mounts goes with them.
package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options say where things are.
type Options struct {
	Binaries string // the folder that the script build made
	State    string // an empty folder for everything that is written; its name must be short, for sockets are in it;
	// there must be a control group of the same name
	Registry string // the host and port of a registry from which the node can pull, with the images of Images in it
	Now      time.Time
}

// Cluster is a running cluster.
type Cluster struct {
	Registry string

	binaries, state string
	ctx             context.Context
	fail            context.CancelCauseFunc
	client          *http.Client
	token           string
	mu              sync.Mutex
	kinds           map[string]kind
}

// Issuer is whose tokens the pods have.
const Issuer = "https://127.0.0.1:443"

// Authority is the certificate authority of the API server and so of the issuer, in PEM.
func (c *Cluster) Authority() (string, error) {
	content, err := os.ReadFile(c.path("ca.crt"))
	return string(content), err
}

// Start returns when the node is ready for pods.
func Start(opt Options) (*Cluster, error) {
	c := &Cluster{Registry: opt.Registry, binaries: opt.Binaries, state: opt.State, kinds: map[string]kind{}}
	c.ctx, c.fail = context.WithCancelCause(context.Background())
	token, err := c.writeFiles(opt.Now)
	if err != nil {
		return nil, err
	}
	if err := c.connect(token); err != nil {
		return nil, err
	}
	if err := c.startControlPlane(); err != nil {
		return nil, err
	}
	return c, c.startNode()
}

func (c *Cluster) startControlPlane() error {
	kube := filepath.Join(c.binaries, "kube")
	if err := c.start("etcd", kube, "etcd", "--data-dir", c.path("etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
		"--listen-peer-urls", "http://127.0.0.1:2380"); err != nil {
		return err
	}
	if err := c.start("apiserver", kube, "apiserver", "--etcd-servers", "http://127.0.0.1:2379",
		"--bind-address", "0.0.0.0", "--secure-port", "443", "--advertise-address", nodeIP, "--external-hostname", "127.0.0.1",
		"--service-cluster-ip-range", "10.96.0.0/24", "--cert-dir", c.path("pki"),
		"--tls-cert-file", c.path("api.crt"), "--tls-private-key-file", c.path("api.key"), "--client-ca-file", c.path("ca.crt"),
		"--token-auth-file", c.path("tokens.csv"), "--authorization-mode", "Node,RBAC", "--allow-privileged=true",
		"--service-account-issuer", Issuer, "--service-account-jwks-uri", Issuer+"/openid/v1/jwks",
		"--service-account-signing-key-file", c.path("sa.key"), "--service-account-key-file", c.path("sa.key"),
		"--kubelet-preferred-address-types", "InternalIP",
		// Nothing here serves the addresses of Services, so webhooks are called at the addresses of their pods.
		"--enable-aggregator-routing=true", "--event-ttl", "30m", "--profiling=false"); err != nil {
		return err
	}
	if err := c.Eventually("the API server", time.Minute*3, func(ctx context.Context) (bool, error) {
		err := c.do(ctx, http.MethodGet, "/readyz", "", nil, nil)
		return err == nil, err
	}); err != nil {
		return err
	}
	if err := c.start("controller-manager", kube, "controller-manager", "--kubeconfig", c.path("controller-manager.kubeconfig"),
		"--leader-elect=false", "--service-account-private-key-file", c.path("sa.key"), "--root-ca-file", c.path("ca.crt"),
		"--use-service-account-credentials=true", "--bind-address", "127.0.0.1", "--pvclaimbinder-sync-period", "1s"); err != nil {
		return err
	}
	return c.start("bind", kube, "bind", nodeName, "--kubeconfig", c.path("bind.kubeconfig"))
}

func (c *Cluster) startNode() error {
	if err := c.start("containerd", "containerd", "--config", c.path("containerd.toml")); err != nil {
		return err
	}
	if err := c.start("kubelet", filepath.Join(c.binaries, "kube"), "kubelet", "--config", c.path("kubelet.yaml"),
		"--kubeconfig", c.path("kubelet.kubeconfig"), "--root-dir", c.path("kubelet"), "--cert-dir", c.path("kubelet/pki"),
		"--hostname-override", nodeName, "--node-ip", nodeIP); err != nil {
		return err
	}
	return c.Eventually("the node", time.Minute*3, func(ctx context.Context) (bool, error) {
		var node Object
		if err := c.do(ctx, http.MethodGet, "/api/v1/nodes/"+nodeName, "", nil, &node); err != nil {
			return false, err
		}
		ready, _ := node.Condition("Ready")
		return ready["status"] == "True", fmt.Errorf("its condition is %v", ready["message"])
	})
}
