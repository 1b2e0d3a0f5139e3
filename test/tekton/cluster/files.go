package cluster

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The addresses of the only node, which is this network namespace, and of the API server's Service. The script run gives
// them to interfaces.
const (
	nodeIP    = "10.244.0.1"
	serviceIP = "10.96.0.1"
	nodeName  = "node"
)

//go:embed containerd.toml
var containerdConfig string

//go:embed kubelet.yaml
var kubeletConfig string

//go:embed bridge.conflist
var networkConfig string

// users are who may speak to the API server, and as what.
var users = map[string]string{
	"admin":              `kubernetes-admin,1,"system:masters"`,
	"controller-manager": `system:kube-controller-manager,2`,
	"bind":               `system:kube-scheduler,3`,
	"kubelet":            `system:node:` + nodeName + `,4,"system:nodes"`,
}

// writeFiles lays out everything that the components read. It returns the token of admin.
func (c *Cluster) writeFiles(now time.Time) (token string, err error) {
	for _, folder := range []string{"cni", "certs.d/" + c.Registry, "containerd", "kubelet"} {
		if err := os.MkdirAll(c.path(folder), 0o755); err != nil {
			return "", err
		}
	}
	if err := writeKeys(c.state, now); err != nil {
		return "", err
	}
	fill := strings.NewReplacer("STATE", c.state, "PAUSE", c.Registry+"/pause:1", "CNI", c.binaries, "GROUPS", filepath.Base(c.state)).Replace
	files := map[string]string{
		"containerd.toml":     fill(containerdConfig),
		"kubelet.yaml":        fill(kubeletConfig),
		"cni/bridge.conflist": fill(networkConfig),
		"certs.d/" + c.Registry + "/hosts.toml": fmt.Sprintf("server = %q\n[host.%[1]q]\ncapabilities = [\"pull\", \"resolve\"]\n",
			"http://"+c.Registry),
	}
	var tokens strings.Builder
	for name, identity := range users {
		random := make([]byte, 24)
		_, _ = rand.Read(random) // it never fails
		secret := base64.RawURLEncoding.EncodeToString(random)
		fmt.Fprintf(&tokens, "%s,%s\n", secret, identity)
		files[name+".kubeconfig"] = kubeconfig(c.path("ca.crt"), secret)
		if name == "admin" {
			token = secret
		}
	}
	files["tokens.csv"] = tokens.String()
	for name, content := range files {
		if err := os.WriteFile(c.path(name), []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	return token, nil
}

func (c *Cluster) path(name string) string { return filepath.Join(c.state, name) }

// kubeconfig is JSON, which is YAML too.
func kubeconfig(authority, token string) string {
	content, _ := json.Marshal(map[string]any{ // nothing here can fail to encode
		"apiVersion": "v1", "kind": "Config", "current-context": "tests",
		"contexts": []any{map[string]any{"name": "tests", "context": map[string]string{"cluster": "tests", "user": "me"}}},
		"clusters": []any{map[string]any{"name": "tests", "cluster": map[string]string{
			"server": "https://127.0.0.1:443", "certificate-authority": authority}}},
		"users": []any{map[string]any{"name": "me", "user": map[string]string{"token": token}}},
	})
	return string(content)
}
