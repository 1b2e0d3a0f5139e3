package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// kind is where the objects of one apiVersion and kind are.
type kind struct {
	resource   string
	namespaced bool
}

const (
	maxAnswer      = 16 << 20
	discoveryLimit = 20 * time.Second
)

func (c *Cluster) connect(token string) error {
	authority, err := os.ReadFile(c.path("ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("ca.crt holds no certificate")
	}
	c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	c.token = token
	return nil
}

// do sends content, if any, and decodes the answer into answer, if any.
func (c *Cluster) do(ctx context.Context, method, path, contentType string, content []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "https://127.0.0.1:443"+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", contentType)
	res, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		var status Object
		_ = json.Unmarshal(body, &status) // it is told as it is then
		return &Refusal{Code: res.StatusCode, Message: fmt.Sprintf("%s %s: %d %s", method, path, res.StatusCode, status.Text("message"))}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(body, answer)
}

// Refusal is an answer of the API server that is no success.
type Refusal struct {
	Code    int
	Message string
}

func (r *Refusal) Error() string { return r.Message }

// Apply creates or changes the objects of a YAML stream. Objects that name no namespace go into the one given.
func (c *Cluster) Apply(namespace, stream string) error {
	objects, err := Decode(stream)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := c.ApplyObject(namespace, object); err != nil {
			return err
		}
	}
	return nil
}

// ApplyObject is Apply for one object.
func (c *Cluster) ApplyObject(namespace string, object Object) error {
	path, err := c.pathOf(namespace, object)
	if err != nil {
		return err
	}
	content, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return c.do(c.ctx, http.MethodPatch, path+"?fieldManager=tests&force=true", "application/apply-patch+yaml", content, nil)
}

// Get is the object as it is now.
func (c *Cluster) Get(namespace string, like Object) (Object, error) {
	path, err := c.pathOf(namespace, like)
	if err != nil {
		return nil, err
	}
	var found Object
	return found, c.do(c.ctx, http.MethodGet, path, "", nil, &found)
}

// List are all objects of a kind in a namespace that a label selector picks.
func (c *Cluster) List(namespace, apiVersion, kind, selector string) ([]Object, error) {
	path, err := c.pathOf(namespace, Object{"apiVersion": apiVersion, "kind": kind})
	if err != nil {
		return nil, err
	}
	var found Object
	if err := c.do(c.ctx, http.MethodGet, path+"?labelSelector="+selector, "", nil, &found); err != nil {
		return nil, err
	}
	return found.List("items"), nil
}

// Decode splits a YAML stream into objects.
func Decode(stream string) ([]Object, error) {
	var objects []Object
	for _, document := range strings.Split("\n"+stream, "\n---") {
		var object Object
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, document)
		}
		if len(object) > 0 {
			objects = append(objects, object)
		}
	}
	return objects, nil
}

// pathOf asks the API server once for each kind how its objects are reached.
func (c *Cluster) pathOf(namespace string, object Object) (string, error) {
	version, name := object.Text("apiVersion"), object.Text("kind")
	base := "/apis/" + version
	if !strings.Contains(version, "/") {
		base = "/api/" + version
	}
	known, ok := c.known(version, name)
	if !ok {
		var err error
		if known, err = c.discover(base, version, name); err != nil {
			return "", err
		}
	}
	if known.namespaced {
		if own := object.Text("metadata", "namespace"); own != "" {
			namespace = own
		}
		base += "/namespaces/" + namespace
	}
	return strings.TrimSuffix(base+"/"+known.resource+"/"+object.Text("metadata", "name"), "/"), nil
}

func (c *Cluster) known(version, name string) (kind, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.kinds[version+" "+name]
	return known, ok
}

// discover waits a while: a definition that was only just applied is not served at once.
func (c *Cluster) discover(base, version, name string) (found kind, err error) {
	err = c.Eventually("the kind "+name+" of "+version, discoveryLimit, func(ctx context.Context) (bool, error) {
		var list Object
		if err := c.do(ctx, http.MethodGet, base, "", nil, &list); err != nil {
			return false, err
		}
		for _, resource := range list.List("resources") {
			if resource.Text("kind") == name && !strings.Contains(resource.Text("name"), "/") {
				found = kind{resource: resource.Text("name"), namespaced: resource["namespaced"] == true}
				return true, nil
			}
		}
		return false, errors.New("it is not listed")
	})
	if err != nil {
		return kind{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[version+" "+name] = found
	return found, nil
}
