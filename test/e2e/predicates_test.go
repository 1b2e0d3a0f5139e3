package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	vulns "github.com/in-toto/attestation/go/predicates/vulns/v02"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/openvex/go-vex/pkg/vex"
	cosign "github.com/sigstore/cosign/v2/pkg/cosign/attestation"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/stepseal/stepseal/internal/registrytest"
)

// definitions are those of whoever invented each type of predicate: a JSON schema where there is one, and else the types
// of their own library, which take no field that they do not know.
var definitions = map[string]func(*testing.T, user, []byte){
	"https://cyclonedx.org/bom":                       inSchema(cycloneDXSchema),
	"https://spdx.dev/Document":                       inSchema(spdxSchema),
	"https://spdx.dev/Document/v2.3":                  inSchema(spdxSchema),
	"https://cosign.sigstore.dev/attestation/vuln/v1": inStruct(func() any { return &cosign.CosignVulnPredicate{} }),
	"https://in-toto.io/attestation/vulns/v0.2":       inMessage(func() proto.Message { return &vulns.Vulns{} }),
	"https://slsa.dev/provenance/v1":                  inMessage(func() proto.Message { return &provenance.Provenance{} }),
	"https://slsa.dev/verification_summary/v1":        inMessage(func() proto.Message { return &vsa.VerificationSummary{} }),
	"https://openvex.dev/ns":                          inStruct(func() any { return &vex.VEX{} }),
}

// extensions are the fields that we add; docs/attestations.md names them. SLSA leaves room for such, and cosign reads past it.
// https://slsa.dev/spec/v1.1/provenance#extension-fields
var extensions = regexp.MustCompile(`,"(stepseal_buildLevelAtMost|lastUpdate)":"[^"]*"`)

// Everything that can be attested, as cosign's command line hands it out.
func TestEveryPredicateFollowsItsDefinition(t *testing.T) {
	u, ref := newUser(t), pushedAppOf(t, startRegistry(t, registrytest.ReferrersOn), registrytest.AppOptions{Distro: registrytest.Debian("11"), Log4jVersion: "2.14.1"})
	u.stepseal(gate("scan-gate", "--image", ref, "--fail-on", "never")...).want(t, 0, "")
	first := read[struct {
		Findings []struct {
			ID      string
			Package struct{ Name string }
		}
	}](u, "stepseal-out/scan.json").Findings[0]
	u.write(".stepseal.yaml", "version: 1\nwaivers:\n  - {id: "+first.ID+", package: "+first.Package.Name+", reason: for this test, owner: tests, expires: 9999-12-31}\n")
	u.secure(ref, "--fail-on", "never", "--reports", "openvex", "--attest", "sbom,sbom-spdx,scan,scan-vulns,provenance,vex", "--spdx-predicate-type", "both",
		"--builder-id", "https://ci.example.com/", "--source-repository", "https://git.example.com/o/app.git", "--source-commit", "c27d339ee6075c1f744c5d4b200f7901aad2c369").want(t, 0, "")
	u.verify(ref, "--key", "cosign.key", "--verifier-id", "https://verify.example.com/").want(t, 0, "")

	for predicateType, holds := range definitions {
		t.Run(predicateType, func(t *testing.T) {
			u.t = t
			said := u.run("cosign", append([]string{"verify-attestation", "--type", predicateType, ref}, cosignReads["bundle"]...)...)
			said.want(t, 0, "")
			statement := statementOf(t, said.stdout)
			if statement.GetPredicateType() != predicateType {
				t.Errorf("the statement is of the type %s", statement.GetPredicateType())
			}
			predicate := predicateOf(t, said.stdout)
			if strings.Contains(predicateType, "/attestation/vuln/v1") || strings.Contains(predicateType, "/provenance/") {
				if len(extensions.FindAll(predicate, -1)) != 1 {
					t.Errorf("what we add is not there once: %.2000s", predicate)
				}
				predicate = extensions.ReplaceAll(predicate, nil)
			}
			holds(t, u, predicate)
		})
	}
}

// statementOf reads the payload as in-toto's own library does.
func statementOf(t *testing.T, printed string) *intoto.Statement {
	t.Helper()
	var envelope struct{ Payload string }
	if err := json.Unmarshal([]byte(printed), &envelope); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var statement intoto.Statement
	if err := protojson.Unmarshal(payload, &statement); err != nil {
		t.Fatal(err)
	}
	if err := statement.Validate(); err != nil {
		t.Error(err)
	}
	return &statement
}

func inSchema(of schema) func(*testing.T, user, []byte) {
	return func(t *testing.T, u user, predicate []byte) {
		t.Helper()
		u.write("predicate.json", string(predicate))
		matchesSchema(t, u.path("predicate.json"), of)
	}
}

func inMessage(of func() proto.Message) func(*testing.T, user, []byte) {
	return func(t *testing.T, _ user, predicate []byte) {
		t.Helper()
		message := of()
		if err := protojson.Unmarshal(predicate, message); err != nil {
			t.Fatal(err)
		}
		if checked, ok := message.(interface{ Validate() error }); ok {
			if err := checked.Validate(); err != nil {
				t.Error(err)
			}
		}
	}
}

func inStruct(of func() any) func(*testing.T, user, []byte) {
	return func(t *testing.T, _ user, predicate []byte) {
		t.Helper()
		decoder := json.NewDecoder(bytes.NewReader(predicate))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(of()); err != nil {
			t.Error(err)
		}
	}
}
