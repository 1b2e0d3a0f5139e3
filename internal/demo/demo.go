// Package demo runs the main job where a person can watch it: a registry in the process, sample images with real package
// metadata, a database built from real advisories, and the steps themselves. Nothing it prints is written by hand: counts,
// ids and verdicts come from the files that the steps leave.
package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/stepseal/stepseal/internal/advisory/testset"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

var folderInput = step.Text(step.Declaration{Name: "output-directory", Placeholder: "DIR", Default: "stepseal-demo",
	Usage: "the folder for the files that the demo leaves"})

// Spec declares the demo.
func Spec() *step.Spec { return SpecOf(Sample{Vulnerable: "2.14.1", Repaired: "2.17.1"}) }

// Sample says which log4j-core is in the two images.
type Sample struct{ Vulnerable, Repaired string }

// SpecOf declares the demo with other images, for the test that it cannot lie.
func SpecOf(s Sample) *step.Spec {
	return &step.Spec{
		Name:    "demo",
		Summary: "Run the whole chain on sample images, with nothing to install",
		Prose: `Starts a registry in this process, builds two images of a small shop (npm packages, a Go binary, and log4j-core in a jar in a jar in a jar), builds an advisory database from real advisories, and runs secure-image on both. Then it attacks the accepted image in three ways and lets verify find out.

It needs no network, and leaves its files in the output directory.`,
		Examples: []step.Example{{Text: "watch it", Command: "stepseal demo"}},
		Inputs:   []step.Input{folderInput},
		Run: func(ctx context.Context, r *step.Run) error {
			d := &demo{Run: r, out: r.Stdout, folder: folderInput.Of(r), sample: s}
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
	access   *image.Registry
	accepted v1.Hash
	refused  v1.Hash
}

func (d *demo) run(ctx context.Context) error {
	for _, act := range []func(context.Context) error{d.setUp, d.refuse, d.accept, d.moveTag, d.tamper, d.copyOver, d.leave} {
		if err := act(ctx); err != nil {
			if d.registry != nil {
				d.registry.Close()
			}
			return err
		}
	}
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// setUp starts the registry, pushes the images and builds the database.
func (d *demo) setUp(ctx context.Context) error {
	var err error
	if d.registry, err = registrytest.Start(registrytest.Options{}); err != nil {
		return err
	}
	if d.access, err = image.NewRegistry(image.Access{Keychain: image.Anonymous()}); err != nil {
		return err
	}
	d.say("A registry runs in this process at %s. Nothing else is contacted.\n", d.registry.Host())
	if d.refused, err = d.push("shop:1.0", "1.0", d.sample.Vulnerable); err != nil {
		return err
	}
	if d.accepted, err = d.push("shop:1.1", "1.1", d.sample.Repaired); err != nil {
		return err
	}
	began := time.Now()
	built, err := scan.Build(ctx, scan.BuildOptions{FS: testset.FS, Output: d.database(), WorkDir: d.Scratch, Built: began})
	if err != nil {
		return err
	}
	d.say("1. database: %d real advisories, the newest of %s, built in %s", built.Summary.Records, built.Database.Newest().Format(time.DateOnly), since(began))
	return d.keys(ctx)
}

// keys makes a key pair, or takes the one that an earlier demo left.
func (d *demo) keys(ctx context.Context) error {
	if _, err := os.Stat(d.file("demo.key")); err == nil {
		return nil
	}
	return d.execute(ctx, steps.KeysGenerate(), map[string]string{"prefix": d.file("demo")}).unexpected("keys generate", outcome.Accepted, "")
}

func (d *demo) push(ref, version, log4j string) (v1.Hash, error) {
	img, err := registrytest.App(registrytest.AppOptions{Version: version, Log4jVersion: log4j})
	if err != nil {
		return v1.Hash{}, err
	}
	return d.registry.Push(ref, img)
}

func (d *demo) database() string        { return d.file("advisories.tar.zst") }
func (d *demo) file(name string) string { return filepath.Join(d.folder, name) }
func since(t time.Time) time.Duration   { return time.Since(t).Round(10 * time.Millisecond) }
func short(digest v1.Hash) string       { return "sha256:" + digest.Hex[:12] }
func (d *demo) ref(name string) string  { return d.registry.Ref(name) }

// refuse runs the chain on the image with the vulnerable log4j-core.
func (d *demo) refuse(ctx context.Context) error {
	began := time.Now()
	result := d.secure(ctx, "shop:1.0", "refused")
	if err := result.unexpected("secure-image of shop:1.0", outcome.Refused, outcome.Vulnerable); err != nil {
		return err
	}
	report, err := d.report("refused")
	if err != nil {
		return err
	}
	d.say("\n2. secure-image shop:1.0 (%s): REFUSED in %s\n   %d packages, %s", short(d.refused), since(began), report.Packages.Total, report.Counts)
	for _, f := range report.Findings {
		exploited := ""
		if f.KnownExploited {
			exploited = ", known to be exploited"
		}
		d.say("   %-9s %-20s %s %s: %s%s", f.Severity, f.ID, f.Package.Name, f.Package.Version, f.Fix, exploited)
	}
	if len(report.Findings) > 0 {
		d.say("   it lies in %s", strings.ReplaceAll(report.Findings[0].Where(), ":", "\n              in which is "))
	}
	if err := d.why(ctx, "log4j-core", "refused"); err != nil {
		return err
	}
	d.say("   not signed: the chain stopped at the %s", result.output("stopped-at"))
	return nil
}

// why shows the way by which a package came in.
func (d *demo) why(ctx context.Context, what, folder string) error {
	var answer bytes.Buffer
	result := d.executeTo(ctx, &answer, steps.Why(), map[string]string{"component": what, "evidence": d.file(folder)})
	if err := result.unexpected("why "+what, outcome.Accepted, ""); err != nil {
		return err
	}
	for line := range strings.Lines(answer.String()) {
		if way, ok := strings.CutPrefix(strings.TrimSpace(line), "image > "); ok {
			d.say("   it came in by image > %s", way)
		}
	}
	return nil
}

// accept runs the chain on the repaired image.
func (d *demo) accept(ctx context.Context) error {
	began := time.Now()
	result := d.secure(ctx, "shop:1.1", "accepted")
	if err := result.unexpected("secure-image of shop:1.1", outcome.Accepted, ""); err != nil {
		return err
	}
	report, err := d.report("accepted")
	if err != nil {
		return err
	}
	d.say("\n3. secure-image shop:1.1 (%s): ACCEPTED in %s\n   %d packages, %s", short(d.accepted), since(began), report.Packages.Total, report.Counts)
	d.say("   SBOM       %s", result.output("sbom-digest"))
	d.say("   scan       %s", result.output("scan-digest"))
	d.say("   signature  %s", result.output("signature-digest"))
	d.say("   verified   by %s", result.output("signer"))
	d.say("\nNow somebody with push rights tries to get the refused image accepted.")
	return nil
}

// moveTag points the accepted tag at the refused image.
func (d *demo) moveTag(ctx context.Context) error {
	if _, err := d.push("shop:1.1", "1.0", d.sample.Vulnerable); err != nil {
		return err
	}
	return d.attack(ctx, "4. the tag shop:1.1 moved to the refused image", "shop:1.1", "moved-tag")
}

// tamper attaches the accepted image's attestations with the digest of the refused one written into them.
func (d *demo) tamper(ctx context.Context) error {
	err := d.forge(ctx, "shop-tampered:1.1", func(content []byte) ([]byte, error) {
		return rewrite(content, d.accepted.Hex, d.refused.Hex)
	})
	if err != nil {
		return err
	}
	return d.attack(ctx, "5. attestations changed to name the refused image", "shop-tampered:1.1", "tampered")
}

// copyOver attaches the accepted image's attestations as they are.
func (d *demo) copyOver(ctx context.Context) error {
	err := d.forge(ctx, "shop-copied:1.1", func(content []byte) ([]byte, error) { return content, nil })
	if err != nil {
		return err
	}
	return d.attack(ctx, "6. attestations copied from the accepted image", "shop-copied:1.1", "copied")
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

func (d *demo) attack(ctx context.Context, what, ref, folder string) error {
	result := d.execute(ctx, steps.Verify(), map[string]string{"image": d.ref(ref), "public-key": d.file("demo.pub"), "output-directory": d.file(folder)})
	if err := result.unexpected(what, outcome.Refused, ""); err != nil {
		return err
	}
	d.say("%s: verify REFUSED (%s)", what, result.Err.Reason)
	for i, line := range result.Err.Evidence {
		if i < 2 {
			d.say("   %s", line)
		}
	}
	return nil
}

func (d *demo) leave(context.Context) error {
	d.registry.Close()
	d.say("\nThe files are in %s: the SBOMs, scan.json, verification.json, summaries, and the database.", d.folder)
	d.say("An image of your own: stepseal secure-image --image REF --key %s", d.file("demo.key"))
	return nil
}

func (d *demo) report(folder string) (scan.Report, error) {
	raw, err := os.ReadFile(d.file(filepath.Join(folder, "scan.json")))
	if err != nil {
		return scan.Report{}, err
	}
	return scan.ParseReport(raw)
}

// secure runs secure-image. The advisories are as old as the checkout, so their age is not held against them.
func (d *demo) secure(ctx context.Context, ref, folder string) result {
	return d.execute(ctx, steps.SecureImage(), map[string]string{"image": d.ref(ref), "key": d.file("demo.key"), "platform": "linux/amd64",
		"database": d.database(), "max-database-age": "0", "output-directory": d.file(folder), "summary": d.file(filepath.Join(folder, "summary.md"))})
}

// result is how one step of the demo ended.
type result struct{ step.Result }

func (r result) output(name string) string {
	for _, out := range r.Outputs {
		if out.Name == name {
			return out.Value
		}
	}
	return ""
}

// unexpected is nil where the step ended as the demo says it does: a demo cannot claim what did not happen.
func (r result) unexpected(what string, want outcome.Ending, reason outcome.Reason) error {
	if r.Ending == want && (reason == "" || r.Err != nil && r.Err.Reason == reason) {
		return nil
	}
	err := outcome.New(outcome.Unexpected, "%s ended as %s, expected %s", what, r.Ending, want)
	if r.Err != nil {
		err.With(append([]string{r.Err.Error()}, r.Err.Evidence...)...)
	}
	return err
}

// execute runs a step as the command line would, with nothing of this machine's environment.
func (d *demo) execute(ctx context.Context, spec *step.Spec, flags map[string]string) result {
	return d.executeTo(ctx, io.Discard, spec, flags)
}

func (d *demo) executeTo(ctx context.Context, stdout io.Writer, spec *step.Spec, flags map[string]string) result {
	witness := &witness{}
	cache := map[string]string{"XDG_CACHE_HOME": filepath.Join(d.Scratch, "cache")}
	world := step.World{Getenv: func(name string) string { return cache[name] }, Stdout: stdout, Host: witness, Version: d.Version, Anonymous: true,
		NewScratch: func() (string, error) { return os.MkdirTemp(d.Scratch, "step") }}
	_ = step.Execute(ctx, spec, flags, nil, steps.Inputs(), world)
	return result{witness.result}
}

// witness is a host that keeps what it is told.
type witness struct{ result step.Result }

func (w *witness) Note(string, ...any)              {}
func (w *witness) Warn(string, ...any)              {}
func (w *witness) Progress(string, int64, int64)    {}
func (w *witness) Publish(result step.Result) error { w.result = result; return nil }

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
