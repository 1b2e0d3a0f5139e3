package tekton

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// space is a namespace of a test's own, which takes no pod that breaks the restricted profile. In it are all definitions,
// and the Secrets and ConfigMaps that a team would have.
type space struct {
	*testing.T
	name string
}

// variant picks the rendering of the Tasks.
type variant string

const (
	ordinary  variant = "*/task.yaml"
	openshift variant = "openshift/*[^n].yaml" // the Tasks: what ends in -stepaction is none
)

func newSpace(t *testing.T, definitions variant) *space {
	t.Helper()
	s := &space{t, strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))}
	s.apply(object("v1", "Namespace", s.name, map[string]any{"metadata": map[string]any{"labels": map[string]any{
		"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}}}))
	for _, pattern := range []string{string(definitions), "*/stepaction.yaml", "pipelines/*.yaml"} {
		s.applyFiles(filepath.Join(the.definitions, "tasks", pattern))
	}
	s.applyFiles("testdata/definitions.yaml")

	keys := filepath.Join(t.TempDir(), "cosign")
	generate := exec.Command(made.product, "keys", "generate", "--prefix", keys)
	generate.Env = append(os.Environ(), "STEPSEAL_KEY_PASSWORD=swordfish")
	if said, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	s.apply(secret("signing-key", "Opaque", map[string]string{
		"cosign.key": s.read(keys + ".key"), "cosign.pub": s.read(keys + ".pub"), "cosign.password": "swordfish"}))
	s.apply(secret("public-key", "Opaque", map[string]string{"cosign.pub": s.read(keys + ".pub")}))
	s.apply(secret("registry-login", "kubernetes.io/dockerconfigjson", map[string]string{".dockerconfigjson": dockerConfig(login.Password)}))
	s.apply(object("v1", "ConfigMap", "authorities", map[string]any{"data": map[string]any{"ca.crt": string(the.private.CertificateAuthority())}}))
	s.apply(object("v1", "ConfigMap", "advisories", map[string]any{"binaryData": map[string]any{
		"advisories.tar.gz": base64.StdEncoding.EncodeToString([]byte(s.read(made.database)))}}))
	if err := the.cluster.Eventually("the ServiceAccount default", time.Minute, func(context.Context) (bool, error) {
		_, err := the.cluster.Get(s.name, object("v1", "ServiceAccount", "default", nil))
		return err == nil, err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *space) read(path string) string {
	s.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	return string(content)
}

func (s *space) apply(o cluster.Object) {
	s.Helper()
	if err := the.cluster.ApplyObject(s.name, o); err != nil {
		s.Fatal(err)
	}
}

func (s *space) applyFiles(pattern string) {
	s.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		s.Fatalf("%s: no file (%v)", pattern, err)
	}
	for _, path := range paths {
		if err := the.cluster.Apply(s.name, strings.ReplaceAll(s.read(path), "BUILDER", the.builder)); err != nil {
			s.Fatalf("%s: %v", path, err)
		}
	}
}

// object is an object with more members than its name.
func object(version, kind, name string, more map[string]any) cluster.Object {
	o := cluster.Object{"apiVersion": version, "kind": kind, "metadata": map[string]any{}}
	for key, value := range more {
		o[key] = value
	}
	o["metadata"].(map[string]any)["name"] = name
	return o
}

func secret(name, kind string, data map[string]string) cluster.Object {
	values := map[string]any{}
	for key, value := range data {
		values[key] = value
	}
	return object("v1", "Secret", name, map[string]any{"type": kind, "stringData": values})
}

// dockerConfig is a login for the private registry.
func dockerConfig(password string) string {
	auth := base64.StdEncoding.EncodeToString([]byte(login.Username + ":" + password))
	content, _ := json.Marshal(map[string]any{"auths": map[string]any{privateAddress: map[string]any{"auth": auth}}})
	return string(content)
}
