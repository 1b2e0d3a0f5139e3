package steps

import (
	"cmp"
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
	"github.com/stepseal/stepseal/internal/signing"
	"github.com/stepseal/stepseal/internal/step"
)

var scanOutputs = []step.Output{
	{Name: "scan", Usage: "the path of scan.json; empty for several platforms, whose documents evidence.json names"},
	{Name: "scan-digest", Usage: "the digest of scan.json; empty for several platforms"},
	{Name: "critical", Usage: "how many findings are critical, on all platforms together"},
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
			{Text: "an SBOM alone, of Trivy's making or anybody's", Command: "stepseal scan-gate --sbom trivy.cdx.json"},
			{Text: "the SBOM that was attested on an image", Command: "stepseal scan-gate --image registry.example.com/team/app:1.0 --sbom from-attestation --public-key cosign.pub"},
		},
		Inputs:      inputs([]step.Input{imageInput, scannedSBOMInput, publicKeyInput}, handOver, gating, reaching, []step.Input{allowForeignInput}, limitingManifests, limitingLayers, reporting, speaking),
		Outputs:     concat(imageOutputs, scanOutputs),
		Needs:       []step.Need{step.Pull, step.Internet, step.Workspace},
		LocalConfig: true,
		Run: func(ctx context.Context, r *step.Run) error {
			c, err := newChain(r)
			if err != nil {
				return err
			}
			if err := c.source(ctx); err != nil {
				return err
			}
			defer c.closeDatabase()
			decided := c.each(ctx, func(ctx context.Context, p *part) error {
				defer p.forget()
				return p.scanGate(ctx)
			})
			if err := c.tellGate(decided); err != nil {
				return err
			}
			return c.stillThere(ctx)
		},
	}
}

// source finds what is to be scanned: the SBOM that was named, else what the evidence holds, else the image itself.
func (c *chain) source(ctx context.Context) error {
	ref, sbomFile, evidenceFile := imageInput.Of(c.Run), scannedSBOMInput.Of(c.Run), evidenceInput.Of(c.Run)
	if ref.IsZero() && sbomFile == "" && evidenceFile == "" {
		return outcome.New(outcome.InvalidInput, "nothing to scan").
			Hint("name an image with --image, the output of generate-sbom with --evidence, or a document with --sbom")
	}
	var named *sbom.Catalogue
	var trust signing.Trust
	var err error
	switch {
	case besideImage(sbomFile):
		if trust, err = c.askedBeside(sbomFile); err != nil {
			return err
		}
	case sbomFile != "":
		if named, err = readSBOM(sbomFile); err != nil {
			return err
		}
	}
	if err := c.prepareOutput(); err != nil {
		return err
	}
	if err := c.takeEvidence(); err != nil {
		return err
	}
	switch {
	case !ref.IsZero():
		if err := c.open(ctx, ref); err != nil {
			return err
		}
		c.join()
	case c.record != nil:
		if err := c.choose(); err != nil {
			return err
		}
	default:
		if err := c.nameBySBOM(named, sbomFile); err != nil {
			return err
		}
	}
	if besideImage(sbomFile) {
		return c.takeBeside(ctx, sbomFile, trust)
	}
	return c.take(named)
}

// take makes the SBOM that was named the content of the one part.
func (c *chain) take(named *sbom.Catalogue) error {
	switch {
	case named == nil:
		return nil
	case len(c.parts) > 1:
		return outcome.New(outcome.InvalidInput, "--sbom is one platform's, and the index has %d", len(c.parts)).Hint("name the platform with --platform")
	}
	c.parts[0].catalogue = named
	return c.parts[0].belongs()
}

func readSBOM(file string) (*sbom.Catalogue, error) {
	doc, err := evidence.ReadFile(file, maxDocument)
	if err != nil {
		return nil, outcome.New(outcome.SBOMUnreadable, "SBOM %s", file).Because(err)
	}
	return sbom.Read(file, doc)
}

// contents makes sure that there is a catalogue: the evidence's, or the image's own.
func (p *part) contents(ctx context.Context) error {
	if p.catalogue != nil {
		return nil
	}
	// Syft's document comes first: it loses nothing.
	for _, role := range []evidence.Role{evidence.RoleSBOMSyft, evidence.RoleSBOM, evidence.RoleSBOMSPDX} {
		if d, ok := p.platform.Document(role); ok {
			return p.readDocument(d)
		}
	}
	if p.img == nil {
		return outcome.New(outcome.EvidenceUnusable, "the evidence holds no SBOM of %s", p.name()).Hint("run generate-sbom first, or name the image with --image")
	}
	return p.needCatalogue(ctx)
}

func (p *part) readDocument(d evidence.Document) error {
	content, err := p.record.Read(d)
	if err != nil {
		return err
	}
	if p.catalogue, err = sbom.Read(d.Path, content); err != nil {
		return err
	}
	return p.belongs()
}

// belongs makes sure that an SBOM which was handed in is about the image.
func (p *part) belongs() error {
	switch subject := p.catalogue.Subject(); subject {
	case p.platform.Subject():
	case "":
		p.unbound()
	case p.index():
		p.Warn("the SBOM names the index %s, and not the image of a platform in it; Trivy does so", subject)
	default:
		return outcome.New(outcome.SBOMOtherImage, "the SBOM describes %s, and the image is %s", subject, cmp.Or(p.platform.Subject(), p.name()))
	}
	return nil
}

// nameBySBOM names the image as its SBOM does where nothing else names it.
func (c *chain) nameBySBOM(named *sbom.Catalogue, file string) error {
	subject := named.Subject()
	if subject == "" {
		c.aboutDocument(file)
		return nil
	}
	if named.Name() == "" {
		return outcome.New(outcome.SBOMUnbound, "the SBOM %s does not name its image", file).Hint("name the image with --image")
	}
	record := evidence.NewRecord(named.Name()+"@"+subject, subject, "")
	if evidence.Undigested(named.Name()) {
		record = evidence.NewRecord(named.Name(), "", "")
		record.AddUndigested(named.Platform(), subject)
	} else {
		record.Add(named.Platform(), subject)
	}
	c.begin(record)
	return c.choose()
}

// scanGate looks the part's catalogue up, decides, and writes scan.json.
func (p *part) scanGate(ctx context.Context) error {
	db, err := p.openDatabase(ctx)
	if err != nil {
		return err
	}
	if err := p.contents(ctx); err != nil {
		return err
	}
	found, err := scan.Match(ctx, db, p.catalogue)
	if err != nil {
		return err
	}
	rules := policy.Rules{FailOn: failOnInput.Of(p.Run), OnlyFixed: onlyFixedInput.Of(p.Run),
		AllowEmpty: allowEmptyInput.Of(p.Run), AllowUncovered: allowUncoveredInput.Of(p.Run)}
	p.decided = policy.Decide(found.Found, rules)
	subject := scan.Subject{Image: p.name(), Digest: p.platform.Digest, ImageID: p.platform.ID, Platform: p.platform.Platform}
	doc := scan.NewReport(subject, p.Version, db.Info(), found, p.decided, rules)
	content, err := doc.Marshal()
	if err != nil {
		return err
	}
	if err := p.put(evidence.RoleScan, scanFile, scanMediaType, "scan", content, p.Now()); err != nil {
		return err
	}
	p.setAlone("scan-digest", evidence.Digest(content))
	p.found = &doc
	if p.decided.Ending != outcome.Accepted {
		return gateError(p.label(), p.decided)
	}
	return nil
}

// tellGate publishes what was decided, and hands on what there is of it; decided is how the parts ended together.
func (c *chain) tellGate(decided error) error {
	var scanned []*part
	for _, p := range c.parts {
		p.flushNotes()
		if p.found != nil {
			scanned = append(scanned, p)
		}
	}
	if len(scanned) == 0 {
		return decided
	}
	if len(c.parts) > 1 {
		c.Summarize(report.Platforms(platformRows(c.parts)))
	}
	for _, p := range scanned {
		c.Summarize(report.Gate(gateView(*p.found, p.decided)))
	}
	c.setScanOutputs(scanned)
	if err := c.handOn(); err != nil {
		return err
	}
	for _, p := range scanned {
		p.warnAboutGate()
	}
	if decided != nil {
		return decided
	}
	for _, p := range scanned {
		c.Note("scan-gate: accepted %s: %s", p.label(), p.decided.Summary())
	}
	return nil
}

func platformRows(parts []*part) []report.PlatformRow {
	var rows []report.PlatformRow
	for _, p := range parts {
		row := report.PlatformRow{Platform: p.platform.Platform, Digest: p.platform.Digest, Verdict: outcome.Undecided.String()}
		if p.found != nil {
			row.Verdict, row.Summary = p.found.Verdict, p.decided.Summary()
		}
		rows = append(rows, row)
	}
	return rows
}

// openDatabase opens the database once, whichever part is the first to need it.
func (c *chain) openDatabase(ctx context.Context) (*scan.Database, error) {
	c.database.once.Do(func() {
		source := databaseSource(c.Run)
		source.URL, source.UpdateAllowed, source.CertificateAuthority = databaseURLInput.Of(c.Run), true, authorityInput.Of(c.Run)
		if source.Path == "" {
			c.Note("using Grype's advisory database; an update may take a minute")
		}
		c.database.db, c.database.err = scan.Open(ctx, source, databaseLimits(c.Run), c.Now())
	})
	return c.database.db, c.database.err
}

func (c *chain) closeDatabase() {
	if c.database.db != nil {
		c.database.db.Close()
	}
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

func (c *chain) setScanOutputs(scanned []*part) {
	counts := map[policy.Severity]int{}
	fixable := 0
	for _, p := range scanned {
		for _, severity := range policy.Severities() {
			counts[severity] += p.found.Counts.Of(severity)
		}
		fixable += p.found.Counts.Fixable
	}
	for severity, n := range counts {
		c.Set(severity.String(), strconv.Itoa(n))
	}
	c.Set("fixable", strconv.Itoa(fixable))
	first := scanned[0].found
	c.Set("database-date", first.Database.Date().Format(time.RFC3339))
	c.Set("policy-digest", first.PolicyDigest)
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

func (p *part) warnAboutGate() {
	c, doc := p.chain, p.found
	for _, coverage := range p.decided.Coverage {
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
