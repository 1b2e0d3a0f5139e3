package actions_test

import (
	"strings"
	"testing"
)

const release = "https://github.com/team/shop/.github/workflows/keyless.yml@refs/tags/v1.2.3"

// TestKeyless: keyless.yml signs as itself on a tag that the trust section takes, deploy-gate.yml lets nothing else through.
func TestKeyless(t *testing.T) {
	l := newLab(t)
	shop := repository{name: "team/shop", file: "keyless.yml", workflow: example(t, "keyless.yml"), trust: l.trust(t)}
	image := l.registry.Host() + "/team/shop:"
	gate := example(t, "deploy-gate.yml")

	t.Run("a release", func(t *testing.T) {
		log, ok := l.push(t, shop, "v1.2.3")
		if !ok {
			t.Fatal("it is not signed")
		}
		has(t, log, "signer="+release+" ("+l.issuer()+")", "verify-verdict=accepted")
		log, told := l.deploy(t, gate, image+"v1.2.3")
		if !strings.HasPrefix(told, "set image deployment/app app="+l.registry.Host()+"/team/shop@sha256:") {
			t.Errorf("kubectl is told %q", told)
		}
		has(t, log, "verdict=accepted")
	})
}
