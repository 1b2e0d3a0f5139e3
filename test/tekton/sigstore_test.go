package tekton

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stepseal/stepseal/test/sigstore/stack"
	"github.com/stepseal/stepseal/test/tekton/cluster"
)

// startSigstore starts a Sigstore beside the cluster, whose Fulcio takes the tokens that the cluster projects. It is told what
// docs/keyless-tekton.md says: the issuer's keys are open to it, and the cluster's authority is in its config.
func startSigstore(t *testing.T) *stack.Stack {
	t.Helper()
	if err := the.cluster.ApplyObject("", object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "issuer-discovery", map[string]any{
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"},
		"subjects": []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}},
	})); err != nil {
		t.Fatal(err)
	}
	authority, err := the.cluster.Authority()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(made.state, "sigstore") // a socket's path is short
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Abs("../../examples/private-sigstore/keys")
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(publicAddress)
	if err != nil {
		t.Fatal(err)
	}
	sigstore, err := stack.Start(stack.Options{Folder: folder, Services: made.services, Trillian: made.trillian, Keys: keys,
		Front: net.ParseIP(host), Cluster: &stack.Cluster{Issuer: cluster.Issuer, Authority: authority}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sigstore.Close)
	return sigstore
}
