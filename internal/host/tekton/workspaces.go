package tekton

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/step"
)

// aliases are the names that cosign gives to the files of a key pair, and Kubernetes to a certificate authority's.
// https://github.com/sigstore/cosign/blob/v2.6.5/doc/cosign_generate-key-pair.md
// https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets
var aliases = map[string]string{"key": "cosign.key", "key-password": "cosign.password", "public-key": "cosign.pub", "certificate-authority": "ca.crt"}

// paths are the inputs that are no secrets and all the same a file of the workspace with the secrets.
var paths = []string{"public-key", "database-key", "certificate-authority"}

const (
	prefix     = "STEPSEAL_"
	fileSuffix = "_FILE"
	// fallback is where the documents go if no workspace takes them: Tekton makes it writable in every pod.
	fallback = "/tekton/home/stepseal-out"
	// maxEntries bounds what is read of a folder; a Secret or a database has a handful.
	maxEntries = 1000
)

// Getenv is the environment, with the workspaces' files where the inputs look for them. What is set goes first.
func (h *Host) Getenv(name string) string {
	if value := h.getenv(name); value != "" {
		return value
	}
	switch name {
	case step.Variable("database"):
		if h.getenv(step.Variable("database-url")) != "" {
			return ""
		}
		return database(h.getenv(DatabaseWorkspace))
	case step.Variable("docker-config"):
		return h.getenv(DockerConfigWorkspace)
	case step.Variable("output-directory"):
		if h.getenv(Results) != "" && h.getenv(SourceWorkspace) == "" {
			return fallback
		}
		return ""
	}
	return h.secret(name)
}

// secret is the file of the workspace with the secrets that is named as an input is.
func (h *Host) secret(name string) string {
	folder := h.getenv(SecretsWorkspace)
	variable, isFile := strings.CutSuffix(name, fileSuffix)
	bare, ours := strings.CutPrefix(variable, prefix)
	input := strings.ToLower(strings.ReplaceAll(bare, "_", "-"))
	switch {
	case folder == "" || !ours || bare == "":
		return ""
	case isFile && h.getenv(variable) != "":
		return "" // it was given itself
	case !isFile && !slices.Contains(paths, input):
		return ""
	}
	for _, file := range []string{input, aliases[input]} {
		if path := filepath.Join(folder, file); file != "" && isRegular(path) {
			return path
		}
	}
	return ""
}

// isRegular follows links: Kubernetes mounts every key of a Secret through two.
func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// database is the folder, or the one database or archive in it.
func database(folder string) string {
	if folder == "" {
		return ""
	}
	open, err := os.Open(folder)
	if err != nil {
		return folder // the step says what is wrong with it
	}
	defer open.Close()
	names, err := open.Readdirnames(maxEntries)
	if err != nil {
		return folder
	}
	var found []string
	for _, name := range names {
		if path := filepath.Join(folder, name); isDatabase(name) && isRegular(path) {
			found = append(found, path)
		}
	}
	if len(found) != 1 {
		return folder
	}
	return found[0]
}

func isDatabase(name string) bool {
	return strings.HasSuffix(name, ".tar.zst") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".db")
}
