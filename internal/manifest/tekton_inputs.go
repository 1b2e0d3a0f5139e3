package manifest

import (
	"fmt"
	"strings"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	core "k8s.io/api/core/v1"

	host "github.com/stepseal/stepseal/internal/host/tekton"
	"github.com/stepseal/stepseal/internal/step"
)

// workspace is a folder that is handed in, and the variable by which the program knows of it.
type workspace struct {
	name, variable, usage string
	path                  string
	readOnly              bool
	of                    func(*step.Spec) bool
}

func every(*step.Spec) bool { return true }

var workspacesOf = []workspace{
	{name: "source", variable: host.SourceWorkspace, path: sourcePath, of: every,
		usage: "the working directory: the config file is read from it, and documents and evidence.json are written to it for the next Task"},
	{name: "secrets", variable: host.SecretsWorkspace, path: "/mnt/secrets", readOnly: true, of: hasSecrets,
		usage: "a Secret whose keys are named as inputs are (key, key-password, public-key, database-key, certificate-authority), or as cosign's files (cosign.key, cosign.password, cosign.pub)"},
	{name: "dockerconfig", variable: host.DockerConfigWorkspace, path: "/mnt/dockerconfig", readOnly: true, of: every,
		usage: "a Secret with registry logins: config.json or .dockerconfigjson"},
	{name: "database", variable: host.DatabaseWorkspace, path: "/mnt/database", readOnly: true, of: func(s *step.Spec) bool { return hasInput(s, "database") },
		usage: "the advisory database: a folder with vulnerability.db, or with one archive of it; nothing is downloaded then"},
	{name: "ssl-ca", path: "/mnt/ssl-ca", readOnly: true, of: every,
		usage: "a ConfigMap or Secret with certificate authorities in PEM, trusted beside those of the image"},
}

func hasSecrets(spec *step.Spec) bool {
	for _, in := range spec.Inputs {
		if d := in.Declaration(); shown(d) && (d.Secret || d.File) || d.Secret && d.Host == "" {
			return true
		}
	}
	return false
}

// shown tells the inputs that are parameters: secrets are not, for a parameter stands in every TaskRun.
func shown(d step.Declaration) bool { return !d.Secret && (d.Host == "" || d.Host == "tekton") }

func workspaces(spec *step.Spec) []tekton.WorkspaceDeclaration {
	var list []tekton.WorkspaceDeclaration
	for _, w := range workspacesOf {
		if w.of(spec) {
			list = append(list, tekton.WorkspaceDeclaration{Name: w.name, Description: sentence(w.usage), MountPath: w.path, ReadOnly: w.readOnly, Optional: true})
		}
	}
	return list
}

func workspacePath(name string) string { return "$(workspaces." + name + ".path)" }

const resultsLimit = "results-limit"

const resultsLimitUsage = "how many bytes all results of the step may take, from 512; less than 4096 where the pod has more than three containers (12288 divided by their number)"

func params(spec *step.Spec) tekton.ParamSpecs {
	var list tekton.ParamSpecs
	for _, in := range spec.Inputs {
		if d := in.Declaration(); shown(d) {
			list = append(list, param(d))
		}
	}
	return append(list, optional(resultsLimit, resultsLimitUsage+" (4096)"))
}

// param is an input as a parameter. All are texts: empty means unset, and what the default then is stands behind it.
func param(d step.Declaration) tekton.ParamSpec {
	usage := d.Usage
	switch {
	case d.Switch:
		usage += " (true or false; " + withDefault(d.Default, "false") + ")"
	case d.Default != "":
		usage += " (" + d.Default + ")"
	}
	if len(d.Choices) > 0 && !strings.Contains(d.Usage, d.Choices[0]) {
		usage += "; one of " + strings.Join(d.Choices, ", ")
	}
	if d.Required && !d.File {
		return tekton.ParamSpec{Name: d.Name, Type: tekton.ParamTypeString, Description: sentence(usage)}
	}
	return optional(d.Name, usage)
}

func withDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func optional(name, usage string) tekton.ParamSpec {
	return tekton.ParamSpec{Name: name, Type: tekton.ParamTypeString, Description: sentence(usage), Default: tekton.NewStructuredValues("")}
}

// runs is what provenance says of the run. Tekton fills it in; a StepAction's in the Task that refers to it.
// https://tekton.dev/docs/pipelines/variables/#variables-available-in-a-task
var runs = []core.EnvVar{
	{Name: host.TaskRun, Value: "$(context.taskRun.name)"},
	{Name: host.TaskRunID, Value: "$(context.taskRun.uid)"},
	{Name: host.Namespace, Value: "$(context.taskRun.namespace)"},
	{Name: host.Task, Value: "$(context.task.name)"},
}

// environment is all that the program is told: where things are, and then every parameter. Nothing goes through a shell.
func environment(spec *step.Spec, results string, path func(workspace string) string, scratch string) []core.EnvVar {
	list := []core.EnvVar{
		{Name: "STEPSEAL_HOST", Value: "tekton"},
		{Name: host.Results, Value: results},
		{Name: "HOME", Value: home},
		{Name: "TMPDIR", Value: scratch},
		{Name: "XDG_CACHE_HOME", Value: scratch + "/cache"},
		{Name: "GRYPE_DB_CACHE_DIR", Value: scratch + "/cache/grype/db"},
		// Go reads the image's own file beside these folders. OpenShift Pipelines mounts the second one.
		// https://pkg.go.dev/crypto/x509#SystemCertPool
		{Name: "SSL_CERT_DIR", Value: path("ssl-ca") + ":/tekton-custom-certs:/etc/ssl/certs"},
	}
	for _, w := range workspacesOf {
		if w.variable != "" && w.of(spec) {
			list = append(list, core.EnvVar{Name: w.variable, Value: path(w.name)})
		}
	}
	if hasInput(spec, "builder-id") {
		list = append(list, runs...)
	}
	for _, p := range params(spec) {
		list = append(list, core.EnvVar{Name: step.Variable(p.Name), Value: fmt.Sprintf("$(params.%s)", p.Name)})
	}
	return list
}
