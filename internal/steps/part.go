package steps

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/image"
	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/scan"
)

// part is one platform's share of a chain: its image, and what was found out about it.
type part struct {
	*chain
	img       *image.Image // nil while the image is known from evidence only
	catalogue *sbom.Catalogue
	written   []byte             // the catalogue as CycloneDX, once somebody needed it
	platform  *evidence.Platform // the record's entry for it

	types    []sbom.Count        // of packages, kept when the catalogue has gone
	edges    []sbom.EdgeCoverage // the same of what they depend on
	found    *scan.Report
	decided  policy.Decision
	policies []policy.Policy // that decided
	notes    []string        // for the summary

	sbomErr error
	done    atomic.Bool // the image is not read any more
}

func (p *part) name() string { return atDigest(p.repository(), p.platform.Digest) }

// label tells the platforms of an index apart in a log; a single image needs none.
func (p *part) label() string {
	if len(p.parts) == 1 {
		return p.name()
	}
	return p.name() + " (" + p.platform.Platform + ")"
}

// folder is where the part's documents lie in the output directory: those of an index lie side by side.
func (p *part) folder() string {
	if !p.record.Whole() {
		return ""
	}
	return strings.NewReplacer("/", "-", ":", "-").Replace(p.platform.Platform)
}

// put writes a document of the part and sets the outputs that name it, of the one part that there is.
func (p *part) put(role evidence.Role, name, mediaType, output string, content []byte, finished time.Time) error {
	name = path.Join(p.folder(), name)
	if err := p.WriteFile(p.place(name), content); err != nil {
		return err
	}
	p.platform.Put(role, name, mediaType, content, finished)
	if output != "" {
		p.setAlone(output, p.shown(name))
	}
	return nil
}

// setAlone sets an output that names a single document; of several platforms none is the one.
func (p *part) setAlone(output, value string) {
	if len(p.parts) == 1 {
		p.Set(output, value)
	}
}

// unbound says that an SBOM does not name its image.
func (p *part) unbound() {
	p.Warn("the SBOM does not say which image it describes (sbom-unbound)")
	p.notes = append(p.notes, "The SBOM does not say which image it describes (sbom-unbound).")
}

// readCatalogue reads the part's content from a document.
func (p *part) readCatalogue(name string, doc []byte) (err error) {
	p.catalogue, err = p.readSource(name, doc)
	return err
}

// readSource reads a document, with what standards ask of it where somebody will.
func (c *chain) readSource(name string, doc []byte) (*sbom.Catalogue, error) {
	if len(reportsInput.Of(c.Run)) > 0 || slices.ContainsFunc(c.ruled, func(of policy.Policy) bool { return of.Rules.MinimumElements != "" }) {
		return sbom.ReadToAssess(name, doc)
	}
	return sbom.Read(name, doc)
}

// flushNotes puts the part's remarks into the summary, in front of what it found.
func (p *part) flushNotes() {
	for _, text := range p.notes {
		p.Summarize(markdown.Note(text))
	}
	p.notes = nil
}

// each does the work for every part, side by side, and says how it ended together.
func (c *chain) each(ctx context.Context, work func(context.Context, *part) error) error {
	errs := make([]error, len(c.parts))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var running sync.WaitGroup
	for i, p := range c.parts {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			errs[i] = recovered(func() error { return work(ctx, p) })
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.together(errs)
}

// recovered turns a panic into an ending, as the run does for its own goroutine.
func recovered(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = outcome.New(outcome.Panicked, "%v", p).With(strings.Split(strings.TrimSpace(string(debug.Stack())), "\n")...)
		}
	}()
	return work()
}

// together is the worst ending of the parts, with what the others say.
func (c *chain) together(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	var failed []int
	said := map[string]bool{}
	for i, err := range errs {
		if err != nil {
			failed = append(failed, i)
			said[err.Error()] = true
		}
	}
	if len(failed) == 0 {
		return nil
	}
	if len(said) == 1 && len(failed) == len(errs) {
		return errs[0] // it has nothing to do with one platform
	}
	slices.SortStableFunc(failed, func(a, b int) int {
		return cmp.Compare(severity(outcome.Verdict(errs[a])), severity(outcome.Verdict(errs[b])))
	})
	var names []string
	for _, i := range failed {
		names = append(names, fmt.Sprintf("%s (%s)", c.parts[i].platform.Platform, outcome.Of(errs[i]).Reason))
	}
	worst := outcome.New(outcome.Of(errs[failed[0]]).Reason, "%s: %d of %d platforms are not accepted: %s", c.name(), len(failed), len(errs), strings.Join(names, ", "))
	for _, i := range failed {
		one := outcome.Of(errs[i])
		worst.With(one.Error())
		for _, line := range one.Evidence {
			worst.With("  " + line)
		}
		for _, hint := range one.Advice() {
			if text := c.parts[i].platform.Platform + ": " + hint; !slices.Contains(worst.Hints, text) {
				worst.Hints = append(worst.Hints, text)
			}
		}
	}
	return worst
}

// severity orders endings, the worst first: a no that is certain comes before what could not be told.
func severity(e outcome.Ending) int {
	return slices.Index([]outcome.Ending{outcome.Internal, outcome.Misused, outcome.Refused, outcome.Undecided}, e)
}
