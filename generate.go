// Package stepseal is software supply-chain security in CI: see README.md.
package stepseal

//go:generate go run ./cmd/generate
