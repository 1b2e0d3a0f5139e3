package transcripts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/kms/kmstest"
	"github.com/stepseal/stepseal/internal/tuf/tuftest"
)

const tufKey = "tuf"

// tufHolder is the TUF repository of a script, once it has started one.
type tufHolder struct{ *tuftest.Repository }

// tufMirror FOLDER lets a TUF repository publish what the folder has as trusted_root.json and signing_config.json, writes
// its root.json beside them, and names it as TUF_MIRROR. tuf-mirror down, well, expired, forged and rolled-back say what
// it does from then on.
func tufMirror(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tuf-mirror FOLDER or WHAT")
	}
	holder := ts.Value(tufKey).(*tufHolder)
	switch args[0] {
	case "down":
		holder.Answer(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusNotImplemented)
			return true
		})
	case "well":
		holder.Answer(nil)
	case "expired":
		ts.Check(holder.Publish(-time.Hour))
	case "forged":
		ts.Check(holder.Forge("targets"))
		ts.Check(holder.Publish(time.Hour))
	case "rolled-back":
		first := holder.Files()
		ts.Check(holder.Publish(time.Hour))
		holder.Restore(first)
	default:
		startTUF(ts, holder, ts.MkAbs(args[0]))
	}
}

func startTUF(ts *testscript.TestScript, holder *tufHolder, folder string) {
	targets := map[string][]byte{}
	for name, target := range map[string]string{"trusted_root.json": "trusted_root.json", "signing_config.json": "signing_config.v0.2.json"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		ts.Check(err)
		targets[target] = content
	}
	repository, err := tuftest.Start(targets)
	ts.Check(err)
	ts.Defer(repository.Close)
	holder.Repository = repository
	ts.Check(os.WriteFile(filepath.Join(folder, "root.json"), repository.Root(), 0o644))
	ts.Setenv("TUF_MIRROR", repository.URL)
}

// vault FILE starts a Vault with the key release, writes its public half into the file, and lets the environment be that
// of a job which may sign with it.
func vault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: vault FILE")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644))
	server := httptest.NewServer(&kmstest.Vault{Token: "secret-token", Versions: []crypto.Signer{key}})
	ts.Defer(server.Close)
	ts.Setenv("VAULT_ADDR", server.URL)
	ts.Setenv("VAULT_TOKEN", "secret-token")
}

// fill FILE... puts the environment's values in the place of ${NAME} in files.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		content, err := os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(os.Expand(string(content), ts.Getenv)), 0o644))
	}
	if neg || !strings.Contains(strings.Join(args, ""), ".") {
		ts.Fatalf("usage: fill FILE...")
	}
}
