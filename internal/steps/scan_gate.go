package steps

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

var scanOutputs = []step.Output{
	{Name: "scan", Usage: "the path of scan.json"},
	{Name: "scan-digest", Usage: "the digest of scan.json"},
	{Name: "critical", Usage: "how many findings are critical"},
	{Name: "high", Usage: "how many findings are high"},
	{Name: "medium", Usage: "how many findings are medium"},
	{Name: "low", Usage: "how many findings are low"},
	{Name: "negligible", Usage: "how many findings are negligible"},
	{Name: "unknown", Usage: "how many findings nobody has rated"},
	{Name: "fixable", Usage: "how many findings have a fix"},
	{Name: "database-date", Usage: "the date of the advisory data: the older of the build and the newest advisory"},
	{Name: "policy-digest", Usage: "the digest of the rules that decided"},
}

const scanMediaType = "application/vnd.stepseal.scan.v1+json"

// ScanGate decides whether what an image contains is acceptable.
func ScanGate() *step.Spec {
	return &step.Spec{
		Name:    "scan-gate",
		Summary: "Refuse an image with vulnerabilities at or above a limit",
		Prose: `Looks up every package of the image in Grype's advisory database and decides. The content comes from the image, from the evidence of generate-sbom, or from an SBOM file.

The answer is yes only if it can be: the data must be fresh, and for every distribution release and ecosystem in the image the database must know anything at all. What it does not cover leaves the answer undecided, unless --allow-uncovered names it.`,
		Examples: []step.Example{
			{Text: "an image, with the limit at critical", Command: "stepseal scan-gate --image registry.example.com/team/app:1.0 --fail-on critical"},
			{Text: "what generate-sbom found, with a database of your own", Command: "stepseal scan-gate --evidence stepseal-out --database advisories.tar.zst"},
			{Text: "an SBOM alone", Command: "stepseal scan-gate --sbom sbom.syft.json"},
		},
		Inputs:      inputs([]step.Input{imageInput, sbomFileInput}, handOver, gating, reaching, limitingManifests, limitingLayers, reporting, speaking),
		Outputs:     concat(imageOutputs, scanOutputs),
		Needs:       []step.Need{step.Pull, step.Internet, step.Workspace},
		LocalConfig: true,
		Run: func(ctx context.Context, r *step.Run) error {
			c, err := newChain(r)
			if err != nil {
				return err
			}
			if err := c.content(ctx); err != nil {
				return err
			}
			if err := c.scanGate(ctx); err != nil {
				return err
			}
			return c.stillThere(ctx)
		},
	}
}

// content finds what is to be scanned: the SBOM that was named, else what the evidence holds, else the image itself.
func (c *chain) content(ctx context.Context) error {
	ref, sbomFile, evidenceFile := imageInput.Of(c.Run), sbomFileInput.Of(c.Run), evidenceInput.Of(c.Run)
	if ref.IsZero() && sbomFile == "" && evidenceFile == "" {
		return outcome.New(outcome.InvalidInput, "nothing to scan").
			Hint("name an image with --image, the output of generate-sbom with --evidence, or a document with --sbom")
	}
	if sbomFile != "" {
		if err := c.readSBOM(sbomFile); err != nil {
			return err
		}
	}
	if err := c.prepareOutput(); err != nil {
		return err
	}
	if err := c.takeEvidence(); err != nil {
		return err
	}
	if c.catalogue == nil && c.platform != nil {
		if err := c.catalogueFromEvidence(); err != nil {
			return err
		}
	}
	if !ref.IsZero() {
		if err := c.open(ctx, ref); err != nil {
			return err
		}
		c.join()
		if c.catalogue == nil {
			return nil
		}
		return c.belongs(c.img.Digest.String())
	}
	if c.record == nil {
		return c.nameBySBOM(sbomFile)
	}
	if err := c.choose(c.platform.Digest); err != nil || c.catalogue == nil {
		return err
	}
	return c.belongs(c.platform.Digest)
}

func (c *chain) readSBOM(file string) error {
	doc, err := evidence.ReadFile(file, maxDocument)
	if err != nil {
		return outcome.New(outcome.SBOMUnreadable, "SBOM %s", file).Because(err)
	}
	c.catalogue, err = sbom.Read(file, doc)
	return err
}

// catalogueFromEvidence prefers syft's document, which loses nothing.
func (c *chain) catalogueFromEvidence() error {
	for _, role := range []evidence.Role{evidence.RoleSBOMSyft, evidence.RoleSBOM, evidence.RoleSBOMSPDX} {
		d, ok := c.platform.Document(role)
		if !ok {
			continue
		}
		content, err := c.record.Read(d)
		if err != nil {
			return err
		}
		c.catalogue, err = sbom.Read(d.Path, content)
		return err
	}
	return nil
}

// belongs makes sure that an SBOM which was handed in is about the image.
func (c *chain) belongs(digest string) error {
	switch subject := c.catalogue.Subject(); subject {
	case digest:
	case "":
		c.unbound()
	default:
		return outcome.New(outcome.SBOMOtherImage, "the SBOM describes %s, and the image is %s", subject, digest)
	}
	return nil
}

// nameBySBOM names the image as its SBOM does where nothing else names it.
func (c *chain) nameBySBOM(file string) error {
	subject := c.catalogue.Subject()
	if subject == "" {
		return outcome.New(outcome.SBOMUnbound, "the SBOM %s does not say which image it describes, and none is named", file).
			Hint("name the image with --image, or make the SBOM with stepseal generate-sbom")
	}
	if c.catalogue.Name() == "" {
		return outcome.New(outcome.SBOMUnbound, "the SBOM %s does not name its image", file).Hint("name the image with --image")
	}
	c.begin(evidence.NewRecord(c.catalogue.Name()+"@"+subject, subject, "", c.catalogue.Platform()))
	return c.choose(subject)
}

// scanGate looks the catalogue up, decides, and writes scan.json.
func (c *chain) scanGate(ctx context.Context) error {
	if c.catalogue == nil && c.img == nil {
		return outcome.New(outcome.EvidenceUnusable, "the evidence holds no SBOM of %s", c.name()).Hint("run generate-sbom first, or name the image with --image")
	}
	db, err := c.openDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := c.needCatalogue(ctx); err != nil {
		return err
	}
	found, err := scan.Match(ctx, db, c.catalogue)
	if err != nil {
		return err
	}
	rules := policy.Rules{FailOn: failOnInput.Of(c.Run), OnlyFixed: onlyFixedInput.Of(c.Run),
		AllowEmpty: allowEmptyInput.Of(c.Run), AllowUncovered: allowUncoveredInput.Of(c.Run)}
	decision := policy.Decide(found.Found, rules)
	subject := scan.Subject{Image: c.name(), Digest: c.platform.Digest, Platform: c.platform.Platform}
	doc := scan.NewReport(subject, c.Version, db.Info(), found, decision, rules)
	content, err := doc.Marshal()
	if err != nil {
		return err
	}
	if err := c.put(evidence.RoleScan, scanFile, scanMediaType, "scan", content, c.Now()); err != nil {
		return err
	}
	c.setScanOutputs(doc, content)
	c.Summarize(report.Gate(gateView(doc, decision)))
	if err := c.handOn(); err != nil {
		return err
	}
	c.warnAboutGate(doc, decision)
	if decision.Ending != outcome.Accepted {
		return gateError(c.name(), decision)
	}
	c.Note("scan-gate: accepted %s: %s", c.name(), decision.Summary())
	return nil
}

func (c *chain) openDatabase(ctx context.Context) (*scan.Database, error) {
	source := databaseSource(c.Run)
	source.URL, source.UpdateAllowed, source.CertificateAuthority = databaseURLInput.Of(c.Run), true, authorityInput.Of(c.Run)
	if source.Path == "" {
		c.Note("using Grype's advisory database; an update may take a minute")
	}
	return scan.Open(ctx, source, databaseLimits(c.Run), c.Now())
}

func databaseSource(r *step.Run) scan.Source {
	return scan.Source{Path: databaseInput.Of(r), CacheDir: cacheDir(r), GrypeDir: r.Getenv("GRYPE_DB_CACHE_DIR")}
}

// databaseLimits takes 0, which nobody means as "no data is fresh enough", as no limit.
func databaseLimits(r *step.Run) scan.Limits {
	if age := databaseAgeInput.Of(r); age > 0 {
		return scan.Limits{MaxAge: age}
	}
	return scan.Limits{MaxAge: math.MaxInt64}
}

// cacheDir is where unpacked databases are kept between runs; where that cannot be written, for this run only.
func cacheDir(r *step.Run) string {
	var dir string
	if cache := r.Getenv("XDG_CACHE_HOME"); cache != "" {
		dir = filepath.Join(cache, "stepseal")
	} else if home := r.Getenv("HOME"); home != "" {
		dir = filepath.Join(home, ".cache", "stepseal")
	}
	// SQLite takes the path as a URI, in which these would mean something else.
	if dir == "" || strings.ContainsAny(dir, "?#%") || !writable(dir) {
		return filepath.Join(r.Scratch, "cache")
	}
	return dir
}

func writable(dir string) bool {
	if os.MkdirAll(dir, 0o755) != nil {
		return false
	}
	probe, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return false
	}
	probe.Close()
	return os.Remove(probe.Name()) == nil
}

func (c *chain) setScanOutputs(doc scan.Report, content []byte) {
	c.Set("scan-digest", evidence.Digest(content))
	for _, severity := range policy.Severities() {
		c.Set(severity.String(), strconv.Itoa(doc.Counts.Of(severity)))
	}
	c.Set("fixable", strconv.Itoa(doc.Counts.Fixable))
	c.Set("database-date", doc.Database.Date().Format(time.RFC3339))
	c.Set("policy-digest", doc.PolicyDigest)
}

// maxFindingsShown is how many findings an error lists; scan.json has them all.
const maxFindingsShown = 20

func gateError(name string, d policy.Decision) error {
	err := outcome.New(d.Reason, "%s: %s", name, d.Summary())
	for i, f := range d.Failing {
		if i == maxFindingsShown {
			err.With(fmt.Sprintf("and %d more in scan.json", len(d.Failing)-i))
			break
		}
		err.With(findingLine(f))
		if path := f.Where(); path != "" {
			err.With("            in " + path)
		}
	}
	for _, hint := range gateHints(d) {
		err.Hint("%s", hint)
	}
	return err
}

func findingLine(f policy.Finding) string {
	exploited := ""
	if f.KnownExploited {
		exploited = "  known exploited"
	}
	return fmt.Sprintf("%-10s  %s  %s %s  %s%s", f.Severity, f.ID, f.Package.Name, f.Package.Version, f.Fix, exploited)
}

func gateHints(d policy.Decision) []string {
	if d.Reason != outcome.Vulnerable {
		return nil
	}
	var hints []string
	for _, up := range report.Upgrades(d.Failing, 3) {
		hints = append(hints, fmt.Sprintf("upgrade %s from %s to %s, which removes %d of the %d findings", up.Name, up.From, up.To, up.Removes, len(d.Failing)))
	}
	if len(hints) == 0 {
		hints = append(hints, "none of these has a fix; --only-fixed lets the image pass until there is one")
	}
	return hints
}

func (c *chain) warnAboutGate(doc scan.Report, d policy.Decision) {
	for _, coverage := range d.Coverage {
		if coverage.EndOfLife != "" {
			c.Warn("%s is out of support since %s: new vulnerabilities in it may never be published", coverage.Release, coverage.EndOfLife)
		}
	}
	if doc.Packages.Unmatchable > 0 {
		c.Warn("%d of the packages have no name, identifier or comparable version to look up", doc.Packages.Unmatchable)
	}
	if n := doc.Counts.Of(policy.Unknown); n > 0 {
		c.Warn("%d findings have not been rated by anybody; they do not count against the limit", n)
	}
	for _, note := range append(doc.Database.Notes, doc.Notes...) {
		c.Warn("%s", note)
	}
}

func gateView(doc scan.Report, d policy.Decision) report.GateView {
	return report.GateView{Image: doc.Subject.Image, Platform: doc.Subject.Platform, Decision: d, Unmatchable: doc.Packages.Unmatchable,
		DatabaseBuilt: doc.Database.Built, DatabaseData: doc.Database.Date(), DatabaseSHA256: doc.Database.SHA256}
}
