package steps

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/policy"
	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/sbom"
	"github.com/stepseal/stepseal/internal/scan"
	"github.com/stepseal/stepseal/internal/step"
)

var reportsInput = step.Parsed(step.Declaration{Name: "reports", Placeholder: "LIST", Section: "gate", Repeats: true,
	Usage: "what to write beside scan.json, all from the one scan: html, sarif, junit, gitlab, cyclonedx, markdown, openvex (the waivers in use), or all"}, report.ParseForms)

// The forms that more is done with than to write them: sign-attest may attest the waivers.
const (
	sarifForm   = "sarif"
	openVEXForm = "openvex"
)

// writeReports writes the forms that are asked for, as functions of the one scan.
func (p *part) writeReports(doc scan.Report, found scan.Result) error {
	forms := reportsInput.Of(p.Run)
	if len(forms) == 0 {
		return nil
	}
	view, err := p.fullView(doc, found, forms)
	if err != nil {
		return err
	}
	for _, form := range forms {
		content, err := form.Write(view)
		if err != nil {
			return outcome.New(outcome.Unexpected, "%s: the report %s", p.label(), form.Name).Because(err)
		}
		if len(content) == 0 {
			if err := remove(p.place(path.Join(p.folder(), form.File))); err != nil {
				return err
			}
			continue
		}
		if form.Name == openVEXForm {
			if err := p.put(evidence.RoleVEX, form.File, form.MediaType, "", content, time.Time{}); err != nil {
				return err
			}
			continue
		}
		name := path.Join(p.folder(), form.File)
		if err := p.WriteFile(p.place(name), content); err != nil {
			return err
		}
		if form.Name == sarifForm {
			p.setAlone("sarif", p.shown(name))
		}
	}
	return nil
}

// clearReports removes those of an earlier run that this one is asked for: where it comes to no answer, what is uploaded
// afterwards must not be an older one. Documents of the evidence stay until there is another.
func (c *chain) clearReports(dir string) error {
	for _, form := range reportsInput.Of(c.Run) {
		for _, pattern := range []string{form.File, "linux-*/" + form.File, "windows-*/" + form.File} { // of one platform, and of several
			earlier, err := fs.Glob(os.DirFS(dir), pattern)
			if err != nil || form.Name == openVEXForm {
				continue
			}
			for _, name := range earlier {
				if err := remove(filepath.Join(dir, name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// remove takes away a file of an earlier run, and nothing that is none.
func remove(file string) error {
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if err := os.Remove(file); err != nil {
		return outcome.New(outcome.OutputUnwritable, "%s, which is of an earlier run, cannot be removed", file).Because(step.Bare(err))
	}
	return nil
}

// fullView is everything that a report can show.
func (p *part) fullView(doc scan.Report, found scan.Result, forms []report.Form) (report.View, error) {
	view := p.view(doc)
	view.BaseLayers, view.Unreadable, view.Notes = found.BaseLayers, found.Unreadable, doc.Notes
	files := newCheckout(p.Workspace)
	view.Locate = func(f policy.Finding) (string, int) { return p.source(files, f) }
	if slices.ContainsFunc(forms, func(f report.Form) bool { return f.Name == "cyclonedx" }) {
		var err error
		if view.SBOM, err = p.cycloneDX(); err != nil {
			return report.View{}, err
		}
	}
	qualities, err := p.catalogue.Assess(p.epoch, sbom.Standards()...)
	if err != nil {
		return report.View{}, err
	}
	for _, quality := range qualities {
		view.Quality = append(view.Quality, standard(quality))
	}
	return view, nil
}

// cycloneDX is the catalogue as a document, written once.
func (p *part) cycloneDX() (doc []byte, err error) {
	if p.written == nil {
		if p.written, err = p.catalogue.CycloneDX(p.epoch); err != nil {
			return nil, outcome.New(outcome.CatalogueFailed, "%s: write %s", p.name(), cycloneDXFile).Because(err)
		}
	}
	return p.written, nil
}

func standard(q sbom.Quality) report.Standard {
	s := report.Standard{Name: q.Standard}
	for _, e := range q.Elements {
		s.Elements = append(s.Elements, report.Element{Name: e.Name, Has: e.Present, All: e.Total})
	}
	return s
}

// view is what the summary shows.
func (p *part) view(doc scan.Report) report.View {
	v := report.View{Image: doc.Subject.Image, Repository: p.repository(), Digest: doc.Subject.Digest, Platform: doc.Subject.Platform,
		Stepseal: doc.Tools.Stepseal, Grype: doc.Tools.Grype, Decision: p.decided, ReportOn: reportOnInput.Of(p.Run), Packages: doc.Packages.Total,
		Unmatchable: doc.Packages.Unmatchable, Database: report.Database{SHA256: doc.Database.SHA256, Built: doc.Database.Built, Data: doc.Database.Date()}}
	for _, provider := range doc.Database.Providers {
		v.Database.Providers = append(v.Database.Providers, report.Provider{Name: provider.Name, Captured: provider.Captured})
	}
	for _, s := range settings(p.Run, p.base) {
		v.Settings = append(v.Settings, report.Setting{Name: s.name, Value: s.value, From: s.from})
	}
	return v
}
