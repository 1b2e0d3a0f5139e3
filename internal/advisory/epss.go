package advisory

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// epssItem is a row in the shape of vunnel's epss provider.
type epssItem struct {
	CVE        string  `json:"cve"`
	EPSS       float64 `json:"epss"`
	Percentile float64 `json:"percentile"`
	Date       string  `json:"date"`
}

var errNotEPSS = errors.New("not a table of EPSS scores")

// epss reads FIRST's table of scores: a line about the model and the day, the names of the columns, and the rows.
// https://www.first.org/epss/data_stats
func (r *Reader) epss(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), 64<<10)
	var day time.Time
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case n == 1:
			var err error
			if day, err = scoreDate(line); err != nil {
				return err
			}
		case n == 2:
			if line != "cve,epss,percentile" {
				return fmt.Errorf("line 2: the columns are %.80q, and not cve,epss,percentile", line)
			}
		case line != "":
			if err := r.score(line, day); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	if day.IsZero() && lines.Err() == nil {
		return errNotEPSS
	}
	return lines.Err()
}

// scoreDate is the day in the first line: "#model_version:v2025.03.14,score_date:2025-11-20T12:55:00Z".
func scoreDate(line string) (time.Time, error) {
	_, text, found := strings.Cut(line, "score_date:")
	if !strings.HasPrefix(line, "#model_version:") || !found {
		return time.Time{}, errNotEPSS
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("line 1: %.40q is not the date of the scores", text)
}

func (r *Reader) score(line string, day time.Time) error {
	if r.into.summary.Records >= r.Bounds.Records {
		return fmt.Errorf("more than %d records", r.Bounds.Records)
	}
	fields := strings.Split(line, ",")
	if len(fields) != 3 || !wholeCVE.MatchString(fields[0]) {
		return fmt.Errorf("%.80q is not a CVE id and two numbers", line)
	}
	epss, err := probability(fields[1])
	if err != nil {
		return err
	}
	percentile, err := probability(fields[2])
	if err != nil {
		return err
	}
	raw, err := json.Marshal(epssItem{CVE: fields[0], EPSS: epss, Percentile: percentile, Date: day.Format(time.DateOnly)})
	if err != nil {
		return err
	}
	r.into.summary.Records++
	r.into.keep(r.into.scores, fields[0], dated{day, raw})
	return nil
}

func probability(text string) (float64, error) {
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return 0, fmt.Errorf("%.40q is not a number between 0 and 1", text)
	}
	return p, nil
}
