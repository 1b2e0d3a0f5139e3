package transcripts

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stepseal/stepseal/internal/scan"
)

// env-from-file NAME FILE puts a file's content into a variable.
func envFromFile(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], ts.ReadFile(args[1]))
}

// begins FILE TEXT checks how a file begins.
func begins(ts *testscript.TestScript, neg bool, args []string) {
	if text := ts.ReadFile(args[0]); strings.HasPrefix(text, args[1]) == neg {
		ts.Fatalf("%s begins %.200q", args[0], text)
	}
}

// edit FILE OLD NEW replaces text in a file.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o644))
}

// json FILE TEXT... checks that a document holds each text.
func jsonHas(ts *testscript.TestScript, neg bool, args []string) {
	doc := ts.ReadFile(args[0])
	if !json.Valid([]byte(doc)) {
		ts.Fatalf("%s is not JSON", args[0])
	}
	for _, text := range args[1:] {
		if strings.Contains(doc, text) == neg {
			ts.Fatalf("%s: %q", args[0], text)
		}
	}
}

// told SCAN checks that standard output names every finding of a scan.json, and its counts.
func told(ts *testscript.TestScript, neg bool, args []string) {
	report, err := scan.ParseReport([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	said := ts.ReadFile("stdout")
	if !strings.Contains(said, report.Counts.String()) {
		ts.Fatalf("the counts %s are not told", report.Counts)
	}
	for _, f := range report.Findings {
		if !strings.Contains(said, f.ID) {
			ts.Fatalf("finding %s is not told", f.ID)
		}
	}
}

// clean checks that no temporary file is left.
func clean(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.Getenv("TMPDIR"))
	ts.Check(err)
	for _, entry := range entries {
		ts.Fatalf("%s is left in the temporary folder", entry.Name())
	}
}
