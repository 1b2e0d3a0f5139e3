package tekton

import (
	"testing"
)

// A login reaches the Task as a workspace, with either name of the file, or as a Secret of the ServiceAccount. Without one
// nothing is said about the image.
func TestLogins(t *testing.T) {
	s := newSpace(t, ordinary)
	repository, digest := app(t, "logins/shop", "2.17.1")
	image := params{"image": repository + "@" + digest}

	s.apply(secret("config-json", "Opaque", map[string]string{"config.json": dockerConfig(login.Password)}))
	s.apply(secret("wrong", "kubernetes.io/dockerconfigjson", map[string]string{".dockerconfigjson": dockerConfig("guess")}))
	s.apply(object("v1", "ServiceAccount", "with-login", map[string]any{"secrets": []any{map[string]any{"name": "registry-login"}}}))
	workspace := func(secret string) any {
		return bound("dockerconfig", "secret", map[string]any{"secretName": secret})
	}
	for name, r := range map[string]run{
		"dockerconfigjson": {workspaces: []any{authorities, dockerconfig}},
		"config-json":      {workspaces: []any{authorities, workspace("config-json")}},
		"service-account":  {workspaces: []any{authorities}, account: "with-login"},
	} {
		t.Run(name, func(t *testing.T) {
			r.step, r.params = "generate-sbom", image
			has(t, (&space{t, s.name}).task(name, r, "accepted"), map[string]string{"image-digest": digest, "packages": "*"})
		})
	}
	for name, r := range map[string]run{
		"none":  {workspaces: []any{authorities}},
		"wrong": {workspaces: []any{authorities, workspace("wrong")}},
	} {
		t.Run(name, func(t *testing.T) {
			r.step, r.params = "generate-sbom", image
			has(t, (&space{t, s.name}).task(name, r, "undecided"), map[string]string{"reason": "registry-unauthorized", "packages": ""})
		})
	}
}
