// Package demo runs the main job where a person can watch it: a registry and a Sigstore in the process, sample images with
// real package metadata, a database built from real advisories, and the steps themselves. Nothing it prints is written by
// hand: counts, ids and verdicts come from the files that the steps leave. It refuses to go on where a step ends otherwise
// than it was going to say.
package demo

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/sigstoretest"
	"github.com/stepseal/stepseal/internal/step"
)

var folderInput = step.Text(step.Declaration{Name: "output-directory", Placeholder: "DIR", Default: "stepseal-demo",
	Usage: "the folder for the files that the demo leaves"})

// Spec declares the demo.
func Spec() *step.Spec { return SpecOf(Sample{Vulnerable: "2.14.1", Repaired: "2.17.1"}) }

// Sample says which log4j-core is in the two images, and whom their makers trust.
type Sample struct {
	Vulnerable, Repaired string
	Careless             bool // every workflow of the organisation, and not only the one that releases
}

// SpecOf declares the demo with another sample, for the tests that it cannot lie.
func SpecOf(s Sample) *step.Spec {
	return &step.Spec{
		Name:    "demo",
		Summary: "Run the whole chain on sample images, with nothing to install",
		Prose: `Starts a registry and a Sigstore in this process, builds two images of a small shop (npm packages, a Go binary, and log4j-core in a jar in a jar in a jar), builds an advisory database from real advisories, and runs secure-image on both, without a key: as a workflow of a made-up repository on GitHub, by a trust section that it writes and shows. Then it attacks the accepted image in five ways and lets verify find out: a moved tag, changed and copied attestations, and the refused image signed by another workflow and by the same one in a pull request.

The Sigstore is a sandbox: it is not persistent, nobody monitors it, and its issuer gives out any identity. The demo needs no network, and leaves its files in the output directory.`,
		Examples: []step.Example{{Text: "watch it", Command: "stepseal demo"}},
		Inputs:   []step.Input{folderInput},
		Run: func(ctx context.Context, r *step.Run) error {
			d := &demo{Run: r, out: r.Stdout, folder: folderInput.Of(r), sample: s}
			defer d.close()
			return d.run(ctx)
		},
	}
}

type demo struct {
	*step.Run
	out    io.Writer
	folder string
	sample Sample

	registry *registrytest.Registry
	sandbox  *sigstoretest.Sigstore
	access   *image.Registry
	accepted v1.Hash
	refused  v1.Hash
}

func (d *demo) run(ctx context.Context) error {
	for _, act := range []func(context.Context) error{
		d.setUp, d.build, d.trust, d.refuse, d.accept,
		d.moveTag, d.tamper, d.copyOver, d.letEverythingPass, d.signElsewhere, d.signInPullRequest, d.leave,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) close() {
	if d.registry != nil {
		d.registry.Close()
	}
	if d.sandbox != nil {
		d.sandbox.Close()
	}
}

// setUp starts the registry and the Sigstore, and pushes the images.
func (d *demo) setUp(context.Context) (err error) {
	if d.registry, err = registrytest.Start(registrytest.Options{}); err != nil {
		return err
	}
	if d.sandbox, err = sigstoretest.Start(d.Now); err != nil {
		return err
	}
	if d.access, err = image.NewRegistry(image.Access{Keychain: image.Anonymous()}); err != nil {
		return err
	}
	d.say("A registry runs in this process at %s, and beside it a Sigstore: an issuer of identity tokens,", d.registry.Host())
	d.say("Fulcio, Rekor and a timestamp authority. It is a sandbox: not persistent, and nobody monitors it.")
	d.say("Nothing else is contacted.\n")
	if d.refused, err = d.push("shop:1.0", "1.0", d.sample.Vulnerable); err != nil {
		return err
	}
	d.accepted, err = d.push("shop:1.1", "1.1", d.sample.Repaired)
	return err
}

// build makes the database.
func (d *demo) build(ctx context.Context) error {
	began := d.Now()
	built, err := scan.Build(ctx, scan.BuildOptions{FS: testset.FS, Output: d.database(), WorkDir: d.Scratch, Built: began})
	if err != nil {
		return err
	}
	d.say("1. database: %d real advisories, the newest of %s, built in %s", built.Summary.Records, built.Database.Newest().Format(time.DateOnly), d.since(began))
	return nil
}

func (d *demo) leave(context.Context) error {
	d.say("\nThe registry and the Sigstore end with this process, and so do their keys.")
	d.say("The files are in %s: the trust section, the SBOMs, scan.json, verification.json, summaries, and the database.", d.folder)
	d.say("An image of your own: as a workflow on GitHub, see docs/keyless-github.md; with a key,")
	d.say("stepseal keys generate --prefix release, and stepseal secure-image --image REF --key release.key")
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) push(ref, version, log4j string) (v1.Hash, error) {
	img, err := registrytest.App(registrytest.AppOptions{Version: version, Log4jVersion: log4j})
	if err != nil {
		return v1.Hash{}, err
	}
	return d.registry.Push(ref, img)
}

func (d *demo) database() string        { return d.file("advisories.tar.zst") }
func (d *demo) file(name string) string { return filepath.Join(d.folder, name) }
func (d *demo) ref(name string) string  { return d.registry.Ref(name) }
func short(digest v1.Hash) string       { return "sha256:" + digest.Hex[:12] }

func (d *demo) since(began time.Time) time.Duration {
	return d.Now().Sub(began).Round(10 * time.Millisecond)
}
