package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
)

// What --sbom of scan-gate takes besides a file: the SBOM that lies beside the image.
const (
	fromImage       = "from-image"       // BuildKit's, which nobody signed
	fromAttestation = "from-attestation" // a signed one
)

func parseSBOMSource(text string) (string, error) {
	if besideImage(text) {
		return text, nil
	}
	return file(outcome.SBOMUnreadable)(text)
}

func besideImage(source string) bool { return source == fromImage || source == fromAttestation }

// askedBeside makes sure that there is an image to look beside, and somebody to trust, before anything is contacted.
func (c *chain) askedBeside(ctx context.Context, source string) (trusted, error) {
	ref := imageInput.Of(c.Run)
	switch {
	case ref.IsZero():
		return trusted{}, outcome.New(outcome.InvalidInput, "--sbom %s without --image", source).Hint("name the image that carries the SBOM")
	case source == fromImage:
		return trusted{}, nil
	case !ref.InRegistry():
		return trusted{}, outcome.New(outcome.UnsupportedSource, "%s is not in a registry, where attestations live", ref).Hint("push it first")
	case !namesTrust(c.Run):
		return trusted{}, outcome.New(outcome.InvalidInput, "--sbom %s without --public-key", source).Hint("name the public key that must have signed the SBOM, or a config file with a trust section with --config")
	}
	return whomToTrust(ctx, c)
}

// takeBeside makes the SBOM that lies beside each image its content.
func (c *chain) takeBeside(ctx context.Context, source string, of trusted) error {
	return c.each(ctx, func(ctx context.Context, p *part) error {
		if source == fromAttestation {
			return p.takeAttested(ctx, of)
		}
		return p.takeBuildKits(ctx)
	})
}

// takeAttested takes the document of an SBOM attestation that the trusted key signed about this very image.
func (p *part) takeAttested(ctx context.Context, of trusted) error {
	subject, err := p.registry.Digest(p.repository(), p.platform.Digest)
	if err != nil {
		return err
	}
	doc, by, err := signing.AttestedSBOM(ctx, p.registry, subject, of.Trust, p.Now())
	if err != nil {
		return err
	}
	if err := p.readCatalogue("attested on "+p.label(), doc); err != nil {
		return err
	}
	p.Note("the SBOM of %s is the one that %s attested: %s", p.label(), by, evidence.Digest(doc))
	return p.belongs()
}

// takeBuildKits takes the SBOM that BuildKit left in the index.
func (p *part) takeBuildKits(ctx context.Context) error {
	statements, err := p.registry.BuildKitStatements(ctx, p.img, signing.IsSBOMType)
	if err != nil {
		return err
	}
	doc, what, err := ofTheImage(statements, p.platform.Digest)
	if err != nil {
		return outcome.New(outcome.SBOMUnreadable, "BuildKit's SBOM of %s", p.label()).Because(err)
	}
	if err := p.readCatalogue("in the index of "+p.label(), doc); err != nil {
		return err
	}
	text := fmt.Sprintf("the SBOM is %s, which BuildKit left in the index: nobody signed it, and only the digest of the index, %s, binds it to the image", what, p.img.Index)
	p.Warn("%s", text)
	p.notes = append(p.notes, strings.ToUpper(text[:1])+text[1:]+".")
	if p.catalogue.Subject() == "" {
		return nil // the statement around it says which image it describes
	}
	return p.belongs()
}

// coreDocument is what BuildKit has its scanners call the SBOM of the image itself. Those of build stages and of the build
// context are called sbom-<stage> and sbom-context.
// https://github.com/moby/buildkit/blob/master/docs/attestations/sbom-protocol.md
const coreDocument = "sbom"

// ofTheImage finds among BuildKit's statements the SBOM of the image itself.
func ofTheImage(statements [][]byte, digest string) (doc []byte, what string, err error) {
	var names []string
	var all [][]byte
	for _, raw := range statements {
		s, err := evidence.ParseStatement(raw)
		if err != nil {
			return nil, "", err
		}
		if !s.Names(digest) {
			return nil, "", fmt.Errorf("the statement is about %.80q", "sha256:"+s.Subject[0].Digest["sha256"])
		}
		var head struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(s.Predicate, &head); err != nil {
			return nil, "", err
		}
		names = append(names, fmt.Sprintf("%.60q", head.Name))
		if all = append(all, s.Predicate); head.Name == coreDocument {
			doc = s.Predicate
		}
	}
	switch {
	case len(all) == 1:
		return all[0], names[0], nil
	case doc == nil:
		return nil, "", fmt.Errorf("there are %d (%s), and none is called %q, as that of the image itself is", len(all), strings.Join(names, ", "), coreDocument)
	}
	return doc, fmt.Sprintf("%q, of %d (%s)", coreDocument, len(all), strings.Join(names, ", ")), nil
}

// aboutDocument makes the document itself what is decided on, where nothing says which image it describes: Trivy's of a
// folder, or GitHub's of a repository, describe none. No evidence is handed on, for nothing can be signed by it.
func (c *chain) aboutDocument(file string) {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '@' {
			return '_'
		}
		return r
	}, filepath.Base(file))
	record := evidence.NewRecord("sbom:"+name, "", "")
	record.Add("", "")
	c.begin(record)
	c.parts = []*part{{chain: c, platform: &record.Platforms[0]}}
	c.Set("image", c.name())
	c.Set("platforms", "[]")
	c.parts[0].unbound()
}

// index is the digest of the index that lists the image; empty where none is known to.
func (p *part) index() string {
	if p.img == nil || p.img.Index.Hex == "" {
		return ""
	}
	return p.img.Index.String()
}
