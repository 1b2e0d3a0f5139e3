package sigstore

import (
	"path/filepath"
	"testing"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// A key pair needs no Fulcio, but the same logs and timestamps vouch for when it signed.
func TestCosignSignsWithAKeyToo(t *testing.T) {
	for _, how := range ways {
		if how.format != "bundle" {
			continue
		}
		t.Run(how.String(), func(t *testing.T) {
			u, ref := newUser(t), pushed(t, registrytest.ReferrersOn)
			for _, prefix := range []string{"team", "stranger"} {
				u.cosignKey("generate-key-pair", "--output-key-prefix", prefix).accepted(t)
			}
			u.cosignKey(append([]string{"sign", ref, "--yes", "--key", "team.key"}, cosign{}.signs(how)...)...).accepted(t)
			reads := append([]string{"verify", ref}, cosign{}.reads(how, running.Trust())...)
			u.cosignKey(append(reads, "--key", "team.pub")...).accepted(t)
			u.cosignKey(append(reads, "--key", "stranger.pub")...).refused(t, "transparency log certificate does not match|accepted signatures do not match threshold")
			asks := []string{"verify", "--image", ref, "--require", "signature", "--public-key"}
			ended := stepseal{}.run(u, nil, append(asks, "team.pub")...)
			if grounds, ok := apart[pair{"cosign", "stepseal", how}]; ok {
				ended.refused(t, grounds)
				return
			}
			ended.accepted(t)
			stepseal{}.run(u, nil, append(asks, "stranger.pub")...).refused(t, `\[signature-untrusted\]`)
		})
	}
}

func (u user) cosignKey(args ...string) ended {
	u.t.Helper()
	return u.run(filepath.Join(made.services, "cosign"), []string{"COSIGN_PASSWORD=only for these tests"}, args...)
}
