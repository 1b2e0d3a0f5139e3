package signing

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/provenance"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/trust"
)

// BenchmarkVerify is one verification, from reading the trusted root on: a signature, an SBOM, a scan and provenance, each a
// keyless bundle with a log entry, in a registry on the loopback interface.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{40, 760, 2700} { // a small image, one that holds stepseal itself, and one with many npm packages
		b.Run(fmt.Sprintf("%d packages", n), func(b *testing.B) { verifies(b, n) })
	}
}

func verifies(b *testing.B, n int) {
	lab := must(sigstoretest.Start(func() time.Time { return noon }))(b)
	defer lab.Close()
	server := must(registrytest.Start(registrytest.Options{}))(b)
	defer server.Close()
	subject := secured(b, lab, server, n)
	root := lab.TrustedRoot()
	required := require(trust.Signature, trust.SBOM, trust.Scan, trust.Provenance)
	before := processorTime(b)
	for b.Loop() {
		// A program that has just started has read nothing, and has no connection.
		registry := must(image.NewRegistry(image.Access{}))(b)
		sigstore := must(NewSigstore("lab", root, Without{}))(b)
		must(Verify(b.Context(), registry, subject, Trust{Signers: []Signer{releaser(sigstore)}}, required, noon))(b)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/op")
	// Where others are at work, the time that passes is theirs too. The registry's is in both.
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// must ends the benchmark where something that it rests on fails.
func must[T any](value T, err error) func(*testing.B) T {
	return func(b *testing.B) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return value
	}
}

// secured is an image with everything that BenchmarkVerify asks for.
func secured(b *testing.B, lab *sigstoretest.Sigstore, server *registrytest.Registry, n int) name.Digest {
	b.Helper()
	registry := must(image.NewRegistry(image.Access{}))(b)
	digest := must(server.Push("shop:1", must(registrytest.App(registrytest.AppOptions{}))(b)))(b)
	of := bench{subject: must(registry.Digest(server.Ref("shop"), digest.String()))(b)}
	statements := []evidence.Statement{of.signature(), of.about(evidence.SBOMPredicate, packages(of.subject.DigestStr(), n)),
		of.scan("accepted", noon.Add(-time.Hour)), of.about(provenance.PredicateType, built)}
	services := must(ReadSigningConfig("lab", lab.SigningConfig(sigstoretest.Rekor), noon))(b)
	token := must(lab.Token(sigstoretest.GitHub(repository, workflow, mainBranch)))(b)
	sigstore := must(NewSigstore("lab", lab.TrustedRoot(), Without{}))(b)
	author := must(NewKeyless(b.Context(), sigstore, services, token, registry.Transport(), noon))(b)
	must(AttestAll(b.Context(), registry, of.subject, author, statements, Bundle, noon))(b)
	return of.subject
}

const built = `{"buildDefinition":{"buildType":"` + provenance.WorkflowBuild + `","externalParameters":{"workflow":{` +
	`"repository":"https://github.com/acme/api","ref":"refs/heads/main","path":".github/workflows/release.yml"}}},` +
	`"runDetails":{"builder":{"id":"https://github.com/actions/runner/github-hosted"}}}`

// packages is an SBOM of as many packages, each about as large as in one by generate-sbom.
func packages(of string, n int) string {
	var text strings.Builder
	fmt.Fprintf(&text, `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"version":%q}},"components":[`, of)
	for i := range n {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"bom-ref":"pkg:npm/package-%[1]d@1.2.%[1]d?package-id=%016[1]x","type":"library","name":"package-%[1]d","version":"1.2.%[1]d",`+
			`"licenses":[{"license":{"id":"MIT"}}],"cpe":"cpe:2.3:a:package-%[1]d:package-%[1]d:1.2.%[1]d:*:*:*:*:*:*:*","purl":"pkg:npm/package-%[1]d@1.2.%[1]d",`+
			`"externalReferences":[{"url":"https://example.com/package-%[1]d.git","type":"distribution"}],"properties":[{"name":"syft:package:foundBy","value":"javascript-package-cataloger"},`+
			`{"name":"syft:package:language","value":"javascript"},{"name":"syft:location:0:path","value":"/app/node_modules/package-%[1]d/package.json"}]}`, i)
	}
	text.WriteString("]}")
	return text.String()
}
