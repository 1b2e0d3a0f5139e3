package sigstore

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// doctorGrounds are what trust doctor says of a service that is another than the trusted root's.
var doctorGrounds = map[stack.Part]string{
	stack.Fulcio:     `\[trust-expired\](?s:.*)the certificate authority \S+ shows a certificate of `,
	stack.RekorV1:    `\[trust-expired\](?s:.*)lab: the transparency log \S+ shows the key [0-9a-f]+, and`,
	stack.RekorV2:    `\[trust-expired\](?s:.*)lab: the transparency log \S+ shows a checkpoint signed as 127.0.0.1 by the key [0-9a-f]+, and`,
	stack.Timestamps: `\[trust-expired\](?s:.*)lab: the timestamp authority \S+ shows the certificate `,
}

// The services of the stack are real, and the trusted roots differ from it in one part each.
func TestTheDoctorTellsAnotherService(t *testing.T) {
	for _, how := range []way{{stack.WithRekorV1, "bundle"}, {stack.WithRekorV2, "bundle"}, {stack.WithTimestamps, "bundle"}} {
		t.Run(how.String(), func(t *testing.T) {
			examined := func(of stack.Trust) ended {
				u := newUser(t)
				config := section{sigstore: of, how: how, signers: everybody(), evidence: everything}
				if how.config == stack.WithRekorV2 {
					return stepseal{}.run(u, nil, "trust", "doctor", "--config", behindReader(u, config.file(u, "trust.yaml"), of.Root))
				}
				return stepseal{}.run(u, nil, "trust", "doctor", "--config", config.file(u, "trust.yaml"))
			}
			well := examined(running.Trust())
			well.accepted(t)
			if said := strings.Join(well.said, "\n"); strings.Contains(said, "could not be compared") {
				t.Error(said)
			}
			for part, grounds := range doctorGrounds {
				if slices.Contains(how.rests(), part) {
					examined(running.TrustInAnother(part)).refused(t, grounds)
				}
			}
		})
	}
}

// The server of Rekor v2 takes entries and hands out nothing.
func TestTheDoctorDoesNotCompareALogThatHandsOutNothing(t *testing.T) {
	u := newUser(t)
	how := way{stack.WithRekorV2, "bundle"}
	file := section{sigstore: running.TrustInAnother(stack.RekorV2), how: how, signers: everybody(), evidence: everything}.file(u, "trust.yaml")
	ends := stepseal{}.run(u, nil, "trust", "doctor", "--config", file)
	ends.accepted(t)
	if said := strings.Join(ends.said, "\n"); !strings.Contains(said, "its key could not be compared: it answers 501 Not Implemented to GET /api/v2/checkpoint") {
		t.Error(said)
	}
}

// behindReader puts what hands out the log before its server, as operators do, and names that in a copy of the config file.
func behindReader(u user, config, trustedRoot string) string {
	u.t.Helper()
	server := &url.URL{Scheme: "http", Host: "127.0.0.1:3003"}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(server))
	mux.HandleFunc("GET /api/v2/checkpoint", func(w http.ResponseWriter, req *http.Request) {
		http.ServeFile(w, req, filepath.Join(filepath.Dir(running.Trust().Root), "rekor-v2", "checkpoint"))
	})
	reader := httptest.NewServer(mux)
	u.t.Cleanup(reader.Close)
	moved := func(path string, replace ...string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			u.t.Fatal(err)
		}
		return u.file("moved-"+filepath.Base(path), strings.NewReplacer(replace...).Replace(string(text)))
	}
	services := running.SigningConfig(stack.WithRekorV2)
	return moved(config, trustedRoot, moved(trustedRoot, server.String(), reader.URL), services, moved(services, server.String(), reader.URL))
}
