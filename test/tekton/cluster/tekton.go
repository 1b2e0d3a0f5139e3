package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// installed is Tekton's own configuration in the order in which it has to arrive. What is left out has no part in running
// Tasks: the autoscaler, the events controller, and the resolvers of references to Tasks elsewhere.
var installed = []string{
	"100-namespace/*.yaml", "300-crds/*.yaml", "20?-*.yaml", "clusterrole-aggregate-*.yaml", "config-*.yaml",
	"500-webhooks.yaml", "controller.yaml", "webhook.yaml",
}

// programImage is how Tekton's configuration names an image that is built along with it.
var programImage = regexp.MustCompile(`ko://github\.com/tektoncd/pipeline/cmd/(\w+)`)

// shellImage has no part in Tasks without a script, but the controller wants to know one.
var shellImage = regexp.MustCompile(`cgr\.dev/chainguard/busybox@sha256:[0-9a-f]{64}`)

// InstallTekton installs Tekton from its configuration in folder, with these feature flags besides its own, and waits for it.
func (c *Cluster) InstallTekton(folder string, flags map[string]string) error {
	for _, pattern := range installed {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return err
		}
		if len(paths) == 0 {
			return fmt.Errorf("there is no %s in %s: has Tekton moved its configuration?", pattern, folder)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := c.Apply("", c.withImages(string(content))); err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(path), err)
			}
		}
	}
	data := map[string]any{}
	for name, value := range flags {
		data[name] = value
	}
	for _, name := range []string{"tekton-pipelines-controller", "tekton-pipelines-webhook"} {
		if err := c.available("tekton-pipelines", name); err != nil {
			return err
		}
	}
	return c.ApplyObject("tekton-pipelines", Object{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "feature-flags"}, "data": data})
}

func (c *Cluster) withImages(content string) string {
	content = programImage.ReplaceAllStringFunc(content, func(found string) string {
		name := found[strings.LastIndex(found, "/")+1:]
		if !slices.Contains(programs, name) {
			name = "nop" // never run: nothing here keeps results in a sidecar's log
		}
		return c.Registry + "/tekton/" + name + ":test"
	})
	return shellImage.ReplaceAllString(content, c.Registry+"/pause:1")
}

func (c *Cluster) available(namespace, name string) error {
	return c.Eventually("the Deployment "+name, time.Minute*3, func(ctx context.Context) (bool, error) {
		var found Object
		path := "/apis/apps/v1/namespaces/" + namespace + "/deployments/" + name
		if err := c.do(ctx, http.MethodGet, path, "", nil, &found); err != nil {
			return false, err
		}
		available, _ := found.Condition("Available")
		return available["status"] == "True", fmt.Errorf("%v", available["message"])
	})
}
