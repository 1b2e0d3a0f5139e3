// Command reports writes every form of report of every sample view into a folder, for the judges: SARIF Multitool and a
// browser.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/report"
	"github.com/stepseal/stepseal/internal/report/reporttest"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "reports: usage: reports FOLDER")
		os.Exit(1)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "reports:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	views := map[string]report.View{"empty": reporttest.Empty(), "one": reporttest.One(), "storefront": reporttest.Storefront(), "hostile": reporttest.Hostile(), "many": reporttest.Many(6000)}
	for name, view := range views {
		for _, form := range report.Forms() {
			doc, err := form.Write(view)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", form.Name, name, err)
			}
			to := filepath.Join(folder, name, form.File)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(to, doc, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
