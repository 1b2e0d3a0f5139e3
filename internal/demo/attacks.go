package demo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/steps"
)

// moveTag points the accepted tag at the refused image.
func (d *demo) moveTag(ctx context.Context) error {
	d.say("\nNow somebody with push rights tries to get the refused image accepted.")
	if _, err := d.push("shop:1.1", "1.0", d.sample.Vulnerable); err != nil {
		return err
	}
	return d.attack(ctx, "5. the tag shop:1.1 moved to the refused image", "shop:1.1", "moved-tag")
}

// tamper attaches the accepted image's attestations with the digest of the refused one written into them.
func (d *demo) tamper(ctx context.Context) error {
	err := d.forge(ctx, "shop-tampered:1.1", func(content []byte) ([]byte, error) {
		return rewrite(content, d.accepted.Hex, d.refused.Hex)
	})
	if err != nil {
		return err
	}
	return d.attack(ctx, "6. attestations changed to name the refused image", "shop-tampered:1.1", "tampered")
}

// copyOver attaches the accepted image's attestations as they are.
func (d *demo) copyOver(ctx context.Context) error {
	err := d.forge(ctx, "shop-copied:1.1", func(content []byte) ([]byte, error) { return content, nil })
	if err != nil {
		return err
	}
	return d.attack(ctx, "7. attestations copied from the accepted image", "shop-copied:1.1", "copied")
}

// forge pushes the refused image under another name and attaches what the accepted one carries, changed or not.
func (d *demo) forge(ctx context.Context, ref string, change func([]byte) ([]byte, error)) error {
	target, err := d.push(ref, "1.0", d.sample.Vulnerable)
	if err != nil {
		return err
	}
	from, err := d.access.Digest(d.ref("shop"), d.accepted.String())
	if err != nil {
		return err
	}
	repo, _, _ := strings.Cut(ref, ":")
	to, err := d.access.Digest(d.ref(repo), target.String())
	if err != nil {
		return err
	}
	referrers, err := d.access.Referrers(ctx, from)
	if err != nil {
		return err
	}
	for _, r := range referrers {
		artifact, err := d.access.Artifact(ctx, from, r.Digest)
		if err != nil {
			return err
		}
		if artifact.Content, err = change(artifact.Content); err != nil {
			return err
		}
		if _, err := d.access.Attach(ctx, to, artifact); err != nil {
			return err
		}
	}
	return nil
}

// rewrite changes the statement inside a Sigstore bundle, as somebody would who hopes that nobody checks.
func rewrite(bundle []byte, from, to string) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(bundle, &doc); err != nil {
		return nil, err
	}
	envelope, ok := doc["dsseEnvelope"].(map[string]any)
	encoded, _ := envelope["payload"].(string)
	payload, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !strings.Contains(string(payload), from) {
		return nil, errors.New("the bundle holds no statement about the image")
	}
	envelope["payload"] = base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(string(payload), from, to)))
	return json.Marshal(doc)
}

// attack lets verify look at an image that must not be accepted.
func (d *demo) attack(ctx context.Context, what, ref, folder string) error {
	result := d.execute(ctx, call{spec: steps.Verify(), flags: map[string]string{
		"image": d.ref(ref), "config": d.trustSection(), "output-directory": d.file(folder)}})
	if err := result.unexpected(what, outcome.Refused, ""); err != nil {
		return err
	}
	d.say("%s: verify REFUSED (%s)", what, result.Err.Reason)
	for i, line := range result.Err.Evidence {
		if i < 2 {
			d.say("%s", folded("   "+shortened(line), 110))
		}
	}
	return nil
}

// Which bundle it is, and of what type, is in verification.json.
var (
	aboutBundle = regexp.MustCompile(`^( *)bundle sha256:[0-9a-f]{64}, "[^"]*": `)
	wholeDigest = regexp.MustCompile(`\b([0-9a-f]{12})[0-9a-f]{52}\b`)
)

func shortened(line string) string {
	return wholeDigest.ReplaceAllString(aboutBundle.ReplaceAllString(line, "$1"), "$1")
}

// folded breaks a line between words, and indents what follows a little more than its beginning.
func folded(line string, width int) string {
	words := strings.Split(line, " ")
	indent := len(line) - len(strings.TrimLeft(line, " "))
	var text strings.Builder
	column := 0
	for i, word := range words {
		switch {
		case i == 0:
		case column > indent && column+1+len(word) > width:
			fmt.Fprintf(&text, "\n%*s", indent+2, "")
			column = indent + 2
		default:
			text.WriteByte(' ')
			column++
		}
		text.WriteString(word)
		column += len(word)
	}
	return text.String()
}
