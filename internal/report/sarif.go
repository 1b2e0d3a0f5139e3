package report

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/policy"
)

// What GitHub takes of a SARIF file. Of 25,000 results it would keep 5,000 of its own choice, so the choice is made here.
// https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning
const (
	maxSARIFResults = 5000
	maxSARIFTags    = 20
	maxSARIFGzip    = 9_500_000 // of 10 MB, so that another compressor's doing fits too
)

// Texts of a SARIF file, in bytes.
const (
	maxSARIFMessage = 1000
	maxSARIFName    = 200
	maxSARIFText    = 2000
)

// SARIF is SARIF 2.1.0 for GitHub's code scanning: one run with an automation id of its own for every image and platform,
// a rule for every vulnerability of a package, a location in the repository or in the image and a fingerprint for every
// result, what is excused as suppressed. What does not fit is left out from the end, and the report says so.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
func SARIF(v View) ([]byte, error) {
	results, below := v.sarifResults()
	most := min(len(results), maxSARIFResults)
	for {
		doc, err := evidence.Encode(v.sarifLog(results[:most], len(results), below))
		if err != nil {
			return nil, err
		}
		if len(doc) <= maxSARIFGzip {
			return doc, nil
		}
		size, err := gzipped(doc)
		if err != nil || size <= maxSARIFGzip || most == 0 {
			return doc, err
		}
		most = int(int64(most) * maxSARIFGzip / int64(size) * 9 / 10)
	}
}

func gzipped(doc []byte) (int, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(doc); err != nil {
		return 0, err
	}
	err := w.Close()
	return b.Len(), err
}

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Automation  sarifAutomation   `json:"automationDetails"`
	Invocations []sarifInvocation `json:"invocations"`
	ColumnKind  string            `json:"columnKind"`
	Results     []sarifResult     `json:"results"`
	Properties  map[string]any    `json:"properties"`
}

type sarifAutomation struct {
	ID          string    `json:"id"`
	Description sarifText `json:"description"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name            string      `json:"name"`
	Organization    string      `json:"organization"`
	FullDescription sarifText   `json:"fullDescription"`
	Version         string      `json:"version,omitempty"`
	InformationURI  string      `json:"informationUri"`
	Rules           []sarifRule `json:"rules"`
	Notifications   []sarifRule `json:"notifications,omitempty"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Descriptor sarifReference `json:"descriptor"`
	Level      string         `json:"level"`
	Message    sarifText      `json:"message"`
}

type sarifReference struct {
	ID    string `json:"id"`
	Index int    `json:"index"`
}

const informationURI = "https://github.com/stepseal/stepseal"

func (v View) sarifLog(results []sarifFinding, all, below int) sarifLog {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "stepseal", Organization: "stepseal", Version: plain(v.Stepseal, maxSARIFName), InformationURI: informationURI, Rules: []sarifRule{}}},
		Automation: sarifAutomation{ID: v.automationID(), Description: sarifText{Text: messageText("Vulnerabilities of %s for %s", v.Image, v.Platform)}},
		ColumnKind: "utf16CodeUnits",
		Results:    []sarifResult{},
		Properties: map[string]any{"verdict": v.Decision.Ending.String(), "image": plain(v.Image, maxSARIFText), "digest": plain(v.Digest, maxSARIFName), "belowThreshold": below,
			"databaseSha256": plain(v.Database.SHA256, maxSARIFName), "databaseDate": day(v.Database.Data), "decided": string(v.Decision.Today)},
	}
	rules := sarifRules{index: map[string]int{}}
	seen := map[string]int{}
	for _, f := range results {
		run.Results = append(run.Results, f.result(rules.add(f), seen))
	}
	run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rules.list...)
	run.Tool.Driver.FullDescription.Text = "stepseal looks up what a container image contains in Grype's advisory database, and judges it by the rules of its owners."
	notifications := v.sarifNotifications(len(results), all)
	if len(results) < all {
		run.Tool.Driver.FullDescription.Text += " " + truncated(len(results), all)
	}
	if len(notifications) > 0 {
		run.Tool.Driver.Notifications = sarifNotificationKinds()
	}
	run.Invocations = []sarifInvocation{{Successful: v.decided(), Notifications: notifications}}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

func truncated(shown, all int) string {
	return fmt.Sprintf("This report holds the %d worst of %d results, for GitHub takes no more; scan.json has all of them.", shown, all)
}

func sarifNotificationKinds() []sarifRule {
	kind := func(id, name, text string) sarifRule {
		return sarifRule{ID: id, Name: name, Short: &sarifText{Text: text}, Full: &sarifText{Text: text}, HelpURI: informationURI, Help: &sarifText{Text: text + " scan.json says more.", Markdown: text + " `scan.json` says more."}}
	}
	return []sarifRule{
		kind("stepseal/truncated", "ResultsTruncated", "The report leaves results out."),
		kind("stepseal/not-covered", "NotCovered", "Something in the image could not be looked up."),
	}
}

func (v View) sarifNotifications(shown, all int) []sarifNotification {
	var list []sarifNotification
	if shown < all {
		list = append(list, sarifNotification{sarifReference{"stepseal/truncated", 0}, "warning", sarifText{Text: truncated(shown, all)}})
	}
	gaps := v.gaps()
	for i, gap := range gaps {
		if i == 20 {
			gap = fmt.Sprintf("and %d more", len(gaps)-i)
		}
		list = append(list, sarifNotification{sarifReference{"stepseal/not-covered", 1}, "error", sarifText{Text: messageText("%s.", gap)}})
		if i == 20 {
			break
		}
	}
	return list
}

// automationID tells the analyses of one repository's images and platforms apart, and stays the same from build to build,
// so that GitHub follows its alerts. Everything in front of the last slash is what GitHub calls the category.
func (v View) automationID() string {
	part := func(s, otherwise string) string {
		s = strings.Trim(strings.ReplaceAll(plain(s, maxSARIFName), " ", "-"), "/")
		if s == "" {
			return otherwise
		}
		return s
	}
	return "stepseal/" + part(v.Repository, "image") + "/" + part(v.Platform, "unknown") + "/"
}

// messageText is a text for people. In SARIF, brackets in one may be links and braces are placeholders.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html (3.11.5, 3.11.6)
func messageText(format string, untrusted ...string) string {
	args := make([]any, len(untrusted))
	for i, s := range untrusted {
		args[i] = harmless.Replace(plain(s, maxSARIFMessage/2))
	}
	return plain(fmt.Sprintf(format, args...), maxSARIFMessage)
}

var harmless = strings.NewReplacer("[", "(", "]", ")", "{", "(", "}", ")")

// sarifFinding is a finding or a violation, on its way into a result and a rule.
type sarifFinding struct {
	view        View
	finding     policy.Finding
	judgement   policy.Judgement
	fingerprint string
	violation   *policy.Violation
}

// sarifResults are all results, the first to be kept first.
func (v View) sarifResults() (all []sarifFinding, below int) {
	for _, x := range v.Decision.Violations {
		if x.Judgement.Status == policy.Refuses {
			all = append(all, v.sarifViolation(x))
		}
	}
	shown, below := v.reported()
	for _, j := range shown {
		all = append(all, sarifFinding{view: v, finding: j.Finding, judgement: j.Judgement, fingerprint: j.Finding.Fingerprint()})
	}
	for _, x := range v.Decision.Violations {
		if x.Judgement.Status != policy.Refuses {
			all = append(all, v.sarifViolation(x))
		}
	}
	return all, below
}

func (v View) sarifViolation(x policy.Violation) sarifFinding {
	return sarifFinding{view: v, finding: policy.Finding{ID: x.ID, Severity: policy.High, Package: x.Package, Locations: x.Locations},
		judgement: x.Judgement, fingerprint: x.Fingerprint(), violation: &x}
}
