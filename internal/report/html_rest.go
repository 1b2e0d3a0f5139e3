package report

import (
	"cmp"
	"fmt"

	"github.com/stepseal/stepseal/internal/policy"
)

// soon is for how many days before its end a waiver is pointed out.
const soon = 14

func (p *page) looked(v View) {
	first, more := listed(v.Decision.Coverage)
	p.MoreCoverage = more
	for _, c := range first {
		r := pageRow{A: plain(c.Name(), 200), B: fmt.Sprint(c.Packages), C: "covered", Class: "good"}
		switch {
		case c.Accepted:
			r.C, r.Class = "not covered, accepted by name", "fair"
		case !c.Covered:
			r.C, r.Class = "not covered", "poor"
		}
		if c.EndOfLife != "" {
			r.D = "out of support since " + plain(c.EndOfLife, 50)
		}
		p.Coverage = append(p.Coverage, r)
	}
	for _, u := range v.Unreadable[:min(len(v.Unreadable), maxRows)] {
		r := pageRow{A: plain(u.Path, 300), B: plain(u.Error, 300), C: "told only", Class: "fair"}
		if u.Decisive {
			r.C, r.Class = "decisive", "poor"
		}
		p.Unreadable = append(p.Unreadable, r)
	}
	p.MoreUnreadable = len(v.Unreadable) - len(p.Unreadable)
}

func (p *page) excused(d policy.Decision) {
	add := func(state, class string, list []policy.Waiver) {
		for _, w := range list {
			if len(p.Waivers) >= maxRows {
				p.MoreWaivers++
				continue
			}
			days := d.Today.Until(w.Expires)
			row := pageWaiver{ID: plain(w.ID, 200), Package: plain(w.Package.String(), 300), Owner: plain(w.Owner, 200), Reason: plain(w.Reason, 600),
				Expires: plain(string(w.Expires), 20), State: state, Class: class, Days: days}
			if class == "good" && days <= soon {
				row.Class = "fair"
			}
			p.Waivers = append(p.Waivers, row)
		}
	}
	add("expired", "poor", d.Lapsed())
	add("in use", "good", d.Waivers())
	add("about nothing here", "none", d.Unused)
	for _, j := range d.Judged {
		if j.Judgement.VEX == nil || j.Judgement.Status != policy.NotAffected {
			continue
		}
		if len(p.VEX) >= maxRows {
			p.MoreVEX++
			continue
		}
		x := j.Judgement.VEX
		said := x.Status
		if x.Justification != "" {
			said += ": " + x.Justification
		}
		whose := cmp.Or(x.Author, "nobody named")
		if x.Signer != "" {
			whose += ", signed by " + x.Signer
		}
		p.VEX = append(p.VEX, pageRow{A: plain(j.ID, 200), B: plain(j.Package.CommonName()+" "+j.Package.Version, 300), C: plain(said, 600), D: plain(whose+" in "+x.Document, 600)})
	}
}

func (p *page) compared(d policy.Decision) {
	if d.Baseline == "" {
		return
	}
	p.Baseline, p.New, p.GoneCount = plain(d.Baseline, 300), d.New(), len(d.Gone)
	p.Unchanged = len(d.Judged) - p.New
	for _, f := range d.Gone[:min(len(d.Gone), maxRows)] {
		p.Gone = append(p.Gone, pageRow{A: f.Severity.String(), B: plain(f.ID, 200), C: plain(f.Package.CommonName()+" "+f.Package.Version, 300), Class: f.Severity.String()})
	}
}

// rested says what the answer rests on.
func (p *page) rested(v View) {
	for _, x := range v.Database.Providers[:min(len(v.Database.Providers), maxRows)] {
		p.Providers = append(p.Providers, pageRow{A: plain(x.Name, 200), B: day(x.Captured)})
	}
	for _, s := range v.Settings[:min(len(v.Settings), maxRows)] {
		p.Settings = append(p.Settings, pageRow{A: plain(s.Name, 200), B: plain(s.Value, 600), C: plain(s.From, 300)})
	}
	for _, s := range v.Quality {
		standard := pageStandard{Name: plain(s.Name, 200), Percent: s.Percent()}
		for _, e := range s.Elements[:min(len(s.Elements), maxRows)] {
			r := pageRow{A: plain(e.Name, 200), B: fmt.Sprintf("%d of %d", e.Has, e.All), Class: "good"}
			if e.Has < e.All {
				r.Class = "fair"
			}
			standard.Elements = append(standard.Elements, r)
		}
		p.Quality = append(p.Quality, standard)
	}
}
