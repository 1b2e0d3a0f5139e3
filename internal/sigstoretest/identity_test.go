package sigstoretest_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sigstore/fulcio/pkg/certificate"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/stepseal/stepseal/internal/sigstoretest"
)

func TestCertificatesSayWhatFulcioSays(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		name   string
		claims map[string]any
		want   certificate.Extensions
		uri    string
		email  string
	}{
		{
			name: "a job of GitHub Actions that a reusable workflow runs",
			claims: with(release, map[string]any{
				"job_workflow_ref": "acme/ci/.github/workflows/build.yml@refs/tags/v1", "job_workflow_sha": "aa", "environment": "production"}),
			uri: "https://github.com/acme/ci/.github/workflows/build.yml@refs/tags/v1",
			want: certificate.Extensions{
				Issuer: "https://token.actions.githubusercontent.com", Subject: "repo:acme/shop:ref:refs/heads/main",
				GithubWorkflowTrigger: "push", GithubWorkflowSHA: commit, GithubWorkflowName: "release",
				GithubWorkflowRepository: "acme/shop", GithubWorkflowRef: "refs/heads/main",
				BuildSignerURI: "https://github.com/acme/ci/.github/workflows/build.yml@refs/tags/v1", BuildSignerDigest: "aa",
				RunnerEnvironment: "github-hosted", SourceRepositoryURI: "https://github.com/acme/shop", SourceRepositoryDigest: commit,
				SourceRepositoryRef: "refs/heads/main", SourceRepositoryIdentifier: "74",
				SourceRepositoryOwnerURI: "https://github.com/acme", SourceRepositoryOwnerIdentifier: "65",
				BuildConfigURI: "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main", BuildConfigDigest: commit,
				BuildTrigger: "push", RunInvocationURI: "https://github.com/acme/shop/actions/runs/1000001/attempts/1",
				SourceRepositoryVisibilityAtSigning: "private", DeploymentEnvironment: "production",
			},
		},
		{
			name: "a job of GitLab CI", claims: sigstoretest.GitLab("acme/shop", "main"),
			uri: "https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main",
			want: certificate.Extensions{
				Issuer: "https://gitlab.com", Subject: "project_path:acme/shop:ref_type:branch:ref:main",
				BuildSignerURI: "https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main", BuildSignerDigest: commit,
				RunnerEnvironment: "gitlab-hosted", SourceRepositoryURI: "https://gitlab.com/acme/shop", SourceRepositoryDigest: commit,
				SourceRepositoryRef: "refs/heads/main", SourceRepositoryIdentifier: "22",
				SourceRepositoryOwnerURI: "https://gitlab.com/acme", SourceRepositoryOwnerIdentifier: "72",
				BuildConfigURI: "https://gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main", BuildConfigDigest: commit,
				BuildTrigger: "push", RunInvocationURI: "https://gitlab.com/acme/shop/-/jobs/1010", SourceRepositoryVisibilityAtSigning: "private",
			},
		},
		{
			name: "a ServiceAccount of Kubernetes", claims: with(sigstoretest.Kubernetes("ci", "builder"), map[string]any{"iss": "https://kubernetes.default.svc"}),
			uri:  "https://kubernetes.io/namespaces/ci/serviceaccounts/builder",
			want: certificate.Extensions{Issuer: "https://kubernetes.default.svc", Subject: "system:serviceaccount:ci:builder"},
		},
		{
			name: "a person", claims: with(sigstoretest.Email("jo@example.com"), map[string]any{"iss": "https://accounts.example.com"}), email: "jo@example.com",
			want: certificate.Extensions{Issuer: "https://accounts.example.com", Subject: "jo@example.com"},
		},
		{
			name: "a URI as the subject", claims: map[string]any{"iss": "https://id.example.com", "sub": "https://id.example.com/robots/7"},
			uri: "https://id.example.com/robots/7", want: certificate.Extensions{Issuer: "https://id.example.com", Subject: "https://id.example.com/robots/7"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			der, err := sign.NewFulcio(&sign.FulcioOptions{BaseURL: s.URL(sigstoretest.Fulcio)}).GetCertificate(t.Context(), keypair(t),
				&sign.CertificateProviderOptions{IDToken: token(t, s, c.claims)})
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			got, err := certificate.ParseExtensions(leaf.Extensions)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if len(leaf.URIs)+len(leaf.EmailAddresses) != 1 || c.uri != "" && leaf.URIs[0].String() != c.uri || c.email != "" && leaf.EmailAddresses[0] != c.email {
				t.Errorf("subject alternative names are %v and %v", leaf.URIs, leaf.EmailAddresses)
			}
		})
	}
}

const commit = "4caf5f5f40b58aabf4dad47c3a4d929d95aebc30"

func with(claims, more map[string]any) map[string]any {
	all := maps.Clone(claims)
	maps.Copy(all, more)
	return all
}

func TestTokensThatFulcioRefuses(t *testing.T) {
	s := start(t)
	good := token(t, s, release)
	header, rest, _ := strings.Cut(good, ".")
	_, signature, _ := strings.Cut(rest, ".")
	forged := header + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"repo:acme/shop:ref:refs/heads/main","aud":"sigstore"}`)) + "." + signature
	for _, c := range []struct{ name, token, want string }{
		{"claims that another signature covers", forged, "failed to verify signature"},
		{"a token for somebody else", token(t, s, with(release, map[string]any{"aud": "https://github.com/acme"})), "expected audience \"sigstore\""},
		{"a token that has expired", token(t, s, with(release, map[string]any{"exp": 1})), "token is expired"},
		{"a token without an end", token(t, s, with(release, map[string]any{"exp": nil})), "token is expired"},
		{"a job without a commit", token(t, s, with(release, map[string]any{"sha": nil})), "value <sha> not present"},
		{"an address that is not verified", token(t, s, with(sigstoretest.Email("jo@example.com"), map[string]any{"email_verified": false})), "email_verified claim was false"},
		{"nobody", token(t, s, nil), "no job_workflow_ref"},
		{"no token", "", "malformed jwt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.Certificate(t.Context(), c.token, keypair(t).GetPublicKey(), nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// thief shows another's public key.
type thief struct {
	*sign.EphemeralKeypair
	public string
}

func (t thief) GetPublicKeyPem() (string, error) { return t.public, nil }

func TestFulcioWantsProofOfTheKey(t *testing.T) {
	s := start(t)
	public, err := keypair(t).GetPublicKeyPem()
	if err != nil {
		t.Fatal(err)
	}
	_, err = sign.NewFulcio(&sign.FulcioOptions{BaseURL: s.URL(sigstoretest.Fulcio)}).GetCertificate(t.Context(), thief{keypair(t), public},
		&sign.CertificateProviderOptions{IDToken: token(t, s, release)})
	if err == nil || !strings.Contains(err.Error(), "invalid signature") {
		t.Errorf("got %v", err)
	}
}

func TestTheIssuerSaysWhereItsKeysAre(t *testing.T) {
	s := start(t)
	var config struct {
		Issuer string
		Keys   string `json:"jwks_uri"`
	}
	fetch(t, s.Issuer()+"/.well-known/openid-configuration", &config)
	var set struct {
		Keys []struct{ Kty, Alg, Kid string }
	}
	fetch(t, config.Keys, &set)
	if config.Issuer != s.Issuer() || len(set.Keys) != 1 || set.Keys[0].Kty != "RSA" || set.Keys[0].Alg != "RS256" {
		t.Errorf("%+v %+v", config, set)
	}
}

func fetch(t *testing.T, url string, into any) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
