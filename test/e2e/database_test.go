package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served starts "database serve" on the folder of the database, and returns the address that clients are given.
func served(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := listener.Addr().String()
	listener.Close()
	server := exec.Command(made.product, "database", "serve", filepath.Dir(made.database), "--listen", at)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil {
			t.Errorf("the server, after SIGTERM: %v", err)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get("http://" + at + "/healthz"); err == nil {
			resp.Body.Close()
			return "http://" + at + "/databases"
		}
	}
	t.Fatal("nobody serves")
	return ""
}

// The grype command line fetches what we serve, and uses the folder that we fill; and the other way round.
func TestGrypeAndStepsealShareTheDatabase(t *testing.T) {
	address, u := served(t), newUser(t)
	grype := func(args ...string) ended {
		return u.run("/usr/bin/env", append([]string{"GRYPE_DB_UPDATE_URL=" + address, filepath.Join(made.tools, "grype")}, args...)...)
	}
	u.write("sbom.json", `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[{"type":"library","name":"lodash","version":"4.17.15","purl":"pkg:npm/lodash@4.17.15"}]}`)
	finds := func(what string) {
		t.Helper()
		found := grype("-q", "sbom:sbom.json", "-o", "json")
		found.want(t, 0, "")
		if !strings.Contains(found.stdout, "GHSA-35jh-r3h4-6jhm") {
			t.Errorf("%s: grype finds nothing in lodash 4.17.15", what)
		}
		ours := u.run(made.product, "scan-gate", "--offline", "--sbom", "sbom.json", "--max-database-age", "0")
		if ours.code != 10 || !strings.Contains(ours.stderr+ours.stdout, "GHSA-35jh-r3h4-6jhm") {
			t.Errorf("%s: stepseal ends with %d\n%s", what, ours.code, ours.stderr)
		}
	}
	if updated := u.run(made.product, "database", "update", "--database-url", address, "--max-database-age", "0"); updated.code != 0 {
		t.Fatalf("update: exit %d\n%s", updated.code, updated.stderr)
	}
	finds("filled by stepseal")
	grype("db", "status").want(t, 0, "")

	if err := os.RemoveAll(u.path("grype-db")); err != nil {
		t.Fatal(err)
	}
	grype("db", "update").want(t, 0, "")
	finds("filled by grype")

	if err := os.RemoveAll(u.path("grype-db")); err != nil {
		t.Fatal(err)
	}
	if imported := u.run(made.product, "database", "import", made.database, "--max-database-age", "0"); imported.code != 0 {
		t.Fatalf("import: exit %d\n%s", imported.code, imported.stderr)
	}
	finds("imported by stepseal")
	grype("db", "update").want(t, 0, "")
	finds("updated by grype")
}
