package steps

import (
	"context"

	"github.com/stepseal/stepseal/internal/step"
)

var askHelpersInput = step.Switch(step.Declaration{Name: "ask-helpers", Default: "true",
	Usage: "run the credential helpers that a login has to be asked of, as a step would"})

// RegistryExplain says which login a registry is given, and why.
func RegistryExplain() *step.Spec {
	what := registryImageInput.AsRequired()
	return &step.Spec{
		Name:    "registry explain",
		Summary: "Say which login is used for an image, and where it was looked for",
		Prose: `Prints every place where logins are looked for, in that order: whether there is a file, which of its entries are for this registry, and which one is used. A credential helper is asked as a step would ask it, for at most 30 seconds, unless --ask-helpers=false. The registry is not contacted, so that whether it takes the login is not known.

Of a user name the first character is shown, and nothing of a password or a token. That no login is found is an answer, and ends as accepted; a file or a helper that cannot be read is not (registry-unauthorized).`,
		Examples: []step.Example{
			{Text: "for an image", Command: "stepseal registry explain registry.example.com/team/app:1.0"},
			{Text: "for a program, without running credential helpers", Command: "stepseal registry explain registry.example.com/team/app --format json --ask-helpers=false"},
		},
		Inputs:   inputs([]step.Input{what, registryUsernameInput, registryPasswordInput, githubTokenInput, askHelpersInput, answerFormatInput}, speaking),
		Argument: what,
		Run: func(ctx context.Context, r *step.Run) error {
			told, problem := logins(r).Explain(ctx, registryImageInput.Of(r).Repository(), askHelpersInput.Of(r))
			if err := say(r, loginText(told), told); err != nil {
				return err
			}
			return problem
		},
	}
}
