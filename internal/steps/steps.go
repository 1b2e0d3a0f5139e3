// Package steps holds the product: what each step takes, gives and does.
package steps

import (
	"slices"

	"github.com/stepseal/stepseal/internal/step"
)

// All are the steps that are shipped as actions and tasks, in the order of the chain.
func All() []*step.Spec {
	return []*step.Spec{GenerateSBOM(), ScanGate(), SignAttest(), Verify(), SecureImage()}
}

// Tools are the commands beside the steps, for people at a terminal.
func Tools() []*step.Spec {
	return []*step.Spec{Why(), Waive(), PolicyCheck(), PolicyExplain(), PolicyRender(), TrustCheck(), TrustDoctor(), RegistryExplain(), KeysGenerate(), DatabaseBuild(), DatabaseStatus(), DatabaseUpdate(), DatabaseImport(), DatabaseServe(), Version()}
}

// Inputs are the declarations of all inputs of all steps: one config file serves them.
func Inputs() []step.Declaration {
	all := append(slices.Clone(structures), trustStructure.Declaration())
	for _, spec := range append(All(), Tools()...) {
		for _, in := range spec.Inputs {
			all = append(all, in.Declaration())
		}
	}
	return all
}
