package advisory

import (
	"fmt"
	"strings"
)

// window is one unbroken run of affected versions. Empty bounds are open.
type window struct {
	from, before, through string
}

// windows are the affected versions; ok is false where the record names none that can be compared (only commits).
func (a affected) windows() (windows []window, ok bool) {
	ranges := 0
	for _, r := range a.Ranges {
		if r.Type == "GIT" || len(r.Events) == 0 {
			continue
		}
		ranges++
		windows = append(windows, r.windows()...)
	}
	if ranges == 0 {
		for _, v := range a.Versions {
			windows = append(windows, window{from: v, through: v})
		}
	}
	if len(windows) == 1 && windows[0].before == "" && windows[0].through == "" {
		windows[0].closeBy(a.DatabaseSpecific.word("last_known_affected_version_range"))
	}
	return windows, len(windows) > 0
}

// windows pairs the events up. Where they do not pair, more versions count as affected, not fewer.
func (r versionRange) windows() []window {
	var out []window
	open := false
	var w window
	for _, e := range r.Events {
		switch {
		case e.Introduced != "":
			if !open {
				w, open = window{from: e.Introduced}, true
			}
		case e.Fixed != "" || e.LastAffected != "":
			w.before, w.through = e.Fixed, e.LastAffected
			if e.Fixed != "" {
				w.through = ""
			}
			out = append(out, w)
			w, open = window{}, false
		}
	}
	if open {
		out = append(out, w)
	}
	for i := range out {
		if out[i].from == "0" || out[i].from == "0.0.0-0" {
			out[i].from = ""
		}
	}
	return out
}

// closeBy bounds an open window by what GitHub knows of a vulnerability without a fix: "<= 1.2.3" or "< 1.2.3".
func (w *window) closeBy(known string) {
	operator, version, found := strings.Cut(strings.TrimSpace(known), " ")
	version = strings.TrimSpace(version)
	if !found || checkVersion(version) != nil {
		return
	}
	switch operator {
	case "<=":
		w.through = version
	case "<":
		w.before = version
	}
}

// constraint is the window as one conjunction, empty for every version.
func (w window) constraint() string {
	if w.from != "" && w.from == w.through {
		return "= " + w.from
	}
	var parts []string
	if w.from != "" {
		parts = append(parts, ">= "+w.from)
	}
	if w.before != "" {
		parts = append(parts, "< "+w.before)
	}
	if w.through != "" {
		parts = append(parts, "<= "+w.through)
	}
	return strings.Join(parts, ", ")
}

func (v versionRange) check() error {
	if v.Type == "GIT" {
		return nil
	}
	for _, e := range v.Events {
		for _, version := range []string{e.Introduced, e.Fixed, e.LastAffected} {
			if err := checkVersion(version); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkVersion refuses what would end up as a constraint of another meaning: a version is joined with operators.
func checkVersion(v string) error {
	if len(v) > 256 || strings.ContainsAny(v, "<>=|,\n\r\t ") {
		return fmt.Errorf("the version %.40q is not one", v)
	}
	return nil
}
