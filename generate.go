// Package stepseal is software supply-chain security in CI: see README.md.
package stepseal

import "embed"

//go:generate go run ./cmd/generate

// Definitions are the generated definitions as they are in the repository, for `stepseal render`.
//
//go:embed action.yml actions tasks catalog internal/manifest/pin.yaml
var Definitions embed.FS
