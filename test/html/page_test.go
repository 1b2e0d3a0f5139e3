// Package html drives the HTML report in a real browser: filter, search, keyboard, printing, and that nothing in a name
// runs, and nothing is fetched.
package html

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/report/reporttest"
)

// tab is a page that is open, and what the browser said of it.
type tab struct {
	context.Context
	t *testing.T

	mu       sync.Mutex
	requests []string // but for the page itself
	trouble  []string // errors on the console, exceptions, what the policy of the page blocked
}

func open(t *testing.T, view report.View) *tab {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed")
	}
	doc, err := report.HTML(view)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "scan.html")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.WindowSize(1280, 900))...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	p := &tab{Context: ctx, t: t}
	chromedp.ListenTarget(ctx, p.hear)
	p.run(network.Enable(), log.Enable(), runtime.Enable(), chromedp.Navigate("file://"+file), chromedp.WaitReady("body"))
	return p
}

func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasSuffix(e.Request.URL, "/scan.html") {
			p.requests = append(p.requests, e.Request.URL)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			p.trouble = append(p.trouble, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		p.trouble = append(p.trouble, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			p.trouble = append(p.trouble, fmt.Sprint(e.Args))
		}
	case *page.EventJavascriptDialogOpening:
		p.trouble = append(p.trouble, "a dialogue: "+e.Message)
	}
}

func (p *tab) run(actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p, actions...); err != nil {
		p.t.Fatal(err)
	}
}

func value[T any](p *tab, script string) (v T) {
	p.t.Helper()
	p.run(chromedp.Evaluate(script, &v))
	return v
}

// rows are the findings that are seen.
func (p *tab) rows() []string {
	return value[[]string](p, `[...document.querySelectorAll("#rows tr.row")].filter(r => r.offsetParent).map(r => r.innerText)`)
}

// quiet ends the test with everything that the browser complained about or fetched.
func (p *tab) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.trouble) > 0 || len(p.requests) > 0 {
		p.t.Errorf("the browser complains of %q, and fetched %q", p.trouble, p.requests)
	}
}

// shoot leaves a picture where somebody wants to look.
func (p *tab) shoot(name string) {
	folder := os.Getenv("STEPSEAL_SCREENSHOTS")
	if folder == "" {
		return
	}
	var picture []byte
	p.run(chromedp.FullScreenshot(&picture, 100))
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func TestSearchFilterAndKeyboard(t *testing.T) {
	p := open(t, reporttest.Storefront())
	all := len(p.rows())
	if all < 20 {
		t.Fatalf("%d rows", all)
	}
	p.shoot("light")

	p.run(chromedp.KeyEvent("/"))
	if id := value[string](p, "document.activeElement.id"); id != "q" {
		t.Fatalf("/ leads to %q", id)
	}
	p.run(chromedp.SendKeys("#q", "log4j"), chromedp.Sleep(300*time.Millisecond))
	found := p.rows()
	if len(found) == 0 || len(found) >= all {
		t.Errorf("%d of %d rows are left", len(found), all)
	}
	for _, row := range found {
		if !strings.Contains(row, "log4j") {
			t.Errorf("a row without it: %s", row)
		}
	}
	// down to the first row, open it, and back
	p.run(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter))
	if open := value[string](p, `document.activeElement.getAttribute("aria-expanded")`); open != "true" {
		t.Errorf("Enter left the row %q", open)
	}
	if text := value[string](p, `document.getElementById("rows").innerText`); !strings.Contains(text, "→") && !strings.Contains(text, ">") && !strings.Contains(text, "›") {
		t.Errorf("an open row shows no dependency path:\n%s", text)
	}
	p.shoot("open")
	p.run(chromedp.KeyEvent(kb.Escape), chromedp.Focus("#q"), chromedp.KeyEvent(kb.Escape), chromedp.Sleep(300*time.Millisecond))
	if n := len(p.rows()); n != all {
		t.Errorf("after Esc %d of %d rows are left", n, all)
	}

	statuses := value[[]string](p, `[...document.querySelectorAll("#status option")].map(o => o.value)`)
	for _, status := range statuses {
		p.run(chromedp.SetValue("#status", status), chromedp.Evaluate(`document.getElementById("status").dispatchEvent(new Event("change", {bubbles: true}))`, nil), chromedp.Sleep(200*time.Millisecond))
		rows := p.rows()
		if len(rows) == 0 || status != "" && status != "all" && len(rows) >= all {
			t.Errorf("status %q leaves %d of %d rows", status, len(rows), all)
		}
	}
	if len(statuses) < 4 {
		t.Errorf("statuses %q", statuses)
	}
	p.quiet()
}

func TestLightDarkPhoneAndPaper(t *testing.T) {
	p := open(t, reporttest.Storefront())
	background := `getComputedStyle(document.body).backgroundColor`
	light := value[string](p, background)
	p.run(chromedp.Evaluate(`document.elementFromPoint(...(r => [r.x + r.width / 2, r.y + r.height / 2])(document.getElementById("theme").getBoundingClientRect())).closest("#theme").click()`, nil))
	if dark := value[string](p, background); dark == light {
		t.Errorf("dark is as light: %s", dark)
	}
	p.shoot("dark")
	p.run(chromedp.Evaluate(`document.elementFromPoint(...(r => [r.x + r.width / 2, r.y + r.height / 2])(document.getElementById("theme").getBoundingClientRect())).closest("#theme").click()`, nil))
	p.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	p.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	if wide := value[float64](p, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("a phone has to scroll sideways: %v pixels, for %q", wide, value[[]string](p, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 390 && getComputedStyle(e).position !== "fixed").slice(0, 12).map(e => e.tagName + "." + e.className + "#" + e.id + " " + e.innerText.slice(0, 40))`))
	}
	p.shoot("phone")
	var paper []byte
	p.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		paper, _, err = page.PrintToPDF().WithPrintBackground(true).Do(ctx)
		return err
	}))
	if len(paper) < 10_000 {
		t.Errorf("%d bytes of paper", len(paper))
	}
	if folder := os.Getenv("STEPSEAL_SCREENSHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "paper.pdf"), paper, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.quiet()
}

func TestNothingInANameRuns(t *testing.T) {
	p := open(t, reporttest.Hostile())
	p.run(chromedp.Sleep(500 * time.Millisecond))
	for range 5 { // whatever shows only when a row is opened
		p.run(chromedp.Evaluate(`document.querySelectorAll("#rows tr.row").forEach(r => r.click())`, nil), chromedp.Sleep(100*time.Millisecond))
	}
	if title := value[string](p, "document.title"); strings.Contains(title, "pwned") && !strings.Contains(title, "<script>") {
		t.Errorf("something ran: the title is %.200q", title)
	}
	if found := value[[]string](p, `[...document.querySelectorAll("img, iframe, object, embed, link, base, form, [onerror], [onmouseover]")].map(e => e.outerHTML).filter(e => !e.startsWith('<link rel="icon" href="data:'))`); len(found) > 0 {
		t.Errorf("elements that nobody wrote: %q", found)
	}
	if bad := value[[]string](p, `[...document.querySelectorAll("a[href]")].map(a => a.getAttribute("href")).filter(h => !/^(#|https?:)/.test(h))`); len(bad) > 0 {
		t.Errorf("links to %q", bad)
	}
	p.quiet()
}

func TestManyFindingsStayUsable(t *testing.T) {
	p := open(t, reporttest.Many(100_000))
	if n := len(p.rows()); n == 0 || n > 1000 {
		t.Errorf("%d rows at once", n)
	}
	started := time.Now()
	p.run(chromedp.SendKeys("#q", "package-77"), chromedp.Sleep(500*time.Millisecond))
	if n := len(p.rows()); n == 0 || time.Since(started) > 20*time.Second {
		t.Errorf("%d rows after %s", n, time.Since(started))
	}
	if cut := value[string](p, `document.getElementById("cut") ? document.getElementById("cut").innerText : ""`); cut == "" {
		t.Error("nothing says that findings are left out")
	}
	p.quiet()
}

func TestAnEmptyScanIsAPageToo(t *testing.T) {
	p := open(t, reporttest.Empty())
	if text := value[string](p, "document.body.innerText"); !strings.Contains(text, "No findings") {
		t.Errorf("%.500s", text)
	}
	p.shoot("empty")
	p.quiet()
}
