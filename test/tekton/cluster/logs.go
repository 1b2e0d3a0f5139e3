package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxLog = 1 << 20

// Logs is what the containers of a TaskRun's pod have printed, for the report of a test that failed.
func (c *Cluster) Logs(namespace, pod string) string {
	found, err := c.Get(namespace, Object{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": pod}})
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, container := range append(found.List("spec", "initContainers"), found.List("spec", "containers")...) {
		name := container.Text("name")
		fmt.Fprintf(&out, "--- %s of %s\n%s\n", name, pod, c.log(namespace, pod, name))
	}
	for _, status := range found.List("status", "containerStatuses") {
		fmt.Fprintf(&out, "--- %s: %v\n", status.Text("name"), status["state"])
	}
	return out.String()
}

func (c *Cluster) log(namespace, pod, container string) string {
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	path := fmt.Sprintf("https://127.0.0.1:443/api/v1/namespaces/%s/pods/%s/log?container=%s", namespace, pod, url.QueryEscape(container))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	content, err := io.ReadAll(io.LimitReader(res.Body, maxLog))
	if err != nil {
		return err.Error()
	}
	return string(content)
}
