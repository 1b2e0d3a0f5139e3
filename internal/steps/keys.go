package steps

import (
	"context"
	"os"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

var keyPrefixInput = step.Text(step.Declaration{Name: "prefix", Placeholder: "PREFIX", Default: "stepseal",
	Usage: "where to write: PREFIX.key and PREFIX.pub, which must not exist yet"})

// KeysGenerate makes a key pair to sign with.
func KeysGenerate() *step.Spec {
	return &step.Spec{
		Name:    "keys generate",
		Summary: "Make a key pair to sign with",
		Prose:   `Writes an ECDSA P-256 key pair in cosign's form: the private key encrypted with the password, which may be empty, and readable by its owner only.`,
		Examples: []step.Example{
			{Text: "stepseal.key and stepseal.pub, with the password from a file", Command: "stepseal keys generate --key-password-file password.txt"},
		},
		Inputs: inputs([]step.Input{keyPrefixInput, keyPasswordInput}, speaking),
		Run: func(_ context.Context, r *step.Run) error {
			prefix := keyPrefixInput.Of(r)
			for _, file := range []string{prefix + ".key", prefix + ".pub"} {
				if _, err := os.Lstat(file); err == nil {
					return outcome.New(outcome.InvalidInput, "%s exists already", file).Hint("name another place with --prefix; a key is never overwritten")
				}
			}
			if !keyPasswordInput.Of(r).Given() {
				r.Warn("the private key is not protected by a password; set %s to protect it", keyPasswordInput.Declaration().Variable())
			}
			private, public, err := signing.Generate(keyPasswordInput.Of(r).Reveal())
			if err != nil {
				return err
			}
			if err := r.WritePrivate(prefix+".key", private); err != nil {
				return err
			}
			if err := r.WriteFile(prefix+".pub", public); err != nil {
				return err
			}
			r.Note("wrote %s.key, which stays secret, and %s.pub, which verifies what it signs", prefix, prefix)
			return nil
		},
	}
}
