package sigstoretest

import (
	"context"
	"crypto"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/sigstore/fulcio/pkg/challenges"
	"github.com/sigstore/fulcio/pkg/config"
	"github.com/sigstore/fulcio/pkg/identity"
)

//go:embed fulcio.yaml
var fulcioYAML []byte

// identities turns tokens into what Fulcio certifies.
type identities struct {
	providers map[string]config.IssuerMetadata
}

func newIdentities() (*identities, error) {
	read, err := config.Read(fulcioYAML)
	if err != nil {
		return nil, err
	}
	return &identities{providers: read.CIIssuerMetadata}, nil
}

// of checks a token as Fulcio does, but against the one key and the given clock, and whoever iss may be.
func (i *identities) of(ctx context.Context, token string, key crypto.PublicKey, now time.Time) (identity.Principal, error) {
	verifier := oidc.NewVerifier("", &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key}}, &oidc.Config{
		ClientID: Audience, SkipIssuerCheck: true, Now: func() time.Time { return now },
	})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	issuer, err := kind(verified)
	if err != nil {
		return nil, err
	}
	issuer.IssuerURL, issuer.ClientID = verified.Issuer, Audience
	return challenges.PrincipalFromIDToken(config.With(ctx, &config.FulcioConfig{
		OIDCIssuers: map[string]config.OIDCIssuer{verified.Issuer: issuer}, CIIssuerMetadata: i.providers,
	}), verified)
}

// kind goes by the claims. A real Fulcio goes by the issuer, of which this one has only one.
func kind(token *oidc.IDToken) (config.OIDCIssuer, error) {
	var claims struct {
		GitHub     string         `json:"job_workflow_ref"`
		GitLab     string         `json:"ci_config_ref_uri"`
		Kubernetes map[string]any `json:"kubernetes.io"`
		Email      string         `json:"email"`
	}
	if err := token.Claims(&claims); err != nil {
		return config.OIDCIssuer{}, err
	}
	subject, err := url.Parse(token.Subject)
	switch {
	case claims.GitHub != "":
		return config.OIDCIssuer{Type: config.IssuerTypeCIProvider, CIProvider: "github-workflow"}, nil
	case claims.GitLab != "":
		return config.OIDCIssuer{Type: config.IssuerTypeCIProvider, CIProvider: "gitlab-pipeline"}, nil
	case claims.Kubernetes != nil:
		return config.OIDCIssuer{Type: config.IssuerTypeKubernetes}, nil
	case claims.Email != "":
		return config.OIDCIssuer{Type: config.IssuerTypeEmail}, nil
	case err == nil && subject.Scheme == "https":
		return config.OIDCIssuer{Type: config.IssuerTypeURI, SubjectDomain: "https://" + subject.Host}, nil
	}
	return config.OIDCIssuer{}, fmt.Errorf("sub %q: %w", token.Subject, errNobody)
}

var errNobody = errors.New("the token has no job_workflow_ref, ci_config_ref_uri, kubernetes.io or email claim, and sub is no https URL")
