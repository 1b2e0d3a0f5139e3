package advisory

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// nvdHead is how much of a file is looked at to tell what it is: what the format says of itself stands before the list.
const nvdHead = 4096

// isNVD tells NVD's 2.0 format, of the API and of the feeds.
// https://nvd.nist.gov/developers/vulnerabilities
func isNVD(in *bufio.Reader) bool {
	head, _ := in.Peek(nvdHead)
	before, _, _ := bytes.Cut(head, []byte(`"vulnerabilities"`))
	return bytes.Contains(before, []byte(`"NVD_CVE"`))
}

// nvd reads a file of NVD's, one record at a time: a year of them is larger than anybody wants to hold.
func (r *Reader) nvd(in io.Reader) error {
	one := &perRecord{from: in, most: int64(r.Bounds.RecordBytes), left: int64(r.Bounds.RecordBytes)}
	dec := json.NewDecoder(one)
	if err := delimiter(dec, '{'); err != nil {
		return err
	}
	var feed nvdFeed
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if err := r.nvdField(dec, one, fmt.Sprint(key), &feed); err != nil {
			return err
		}
	}
	if err := delimiter(dec, '}'); err != nil {
		return err
	}
	if !feed.listed {
		return errors.New("the NVD file holds no list of vulnerabilities")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the NVD document")
	}
	return nil
}

type nvdFeed struct {
	format, version string
	listed          bool
}

func (r *Reader) nvdField(dec *json.Decoder, one *perRecord, key string, feed *nvdFeed) error {
	switch key {
	case "format":
		return dec.Decode(&feed.format)
	case "version":
		return dec.Decode(&feed.version)
	case "vulnerabilities":
		if feed.listed || feed.format != "NVD_CVE" || feed.version != "2.0" {
			return fmt.Errorf("the NVD file is of the format %.20q %.10q; NVD_CVE 2.0 is read, with one list", feed.format, feed.version)
		}
		feed.listed = true
		return r.nvdList(dec, one)
	}
	var skipped json.RawMessage
	return dec.Decode(&skipped)
}

func (r *Reader) nvdList(dec *json.Decoder, one *perRecord) error {
	if err := delimiter(dec, '['); err != nil {
		return err
	}
	for n := 0; dec.More(); n++ {
		one.left = one.most
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return fmt.Errorf("entry %d of the NVD file: %w", n, err)
		}
		if err := r.nvdRecord(raw); err != nil {
			return fmt.Errorf("entry %d of the NVD file: %w", n, err)
		}
	}
	return delimiter(dec, ']')
}

func delimiter(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err == nil && got != want {
		err = fmt.Errorf("%v stands where %v belongs", got, want)
	}
	return err
}

// nvdItem is what is looked at; the record goes to grype as it is.
type nvdItem struct {
	CVE struct {
		ID           string `json:"id"`
		LastModified string `json:"lastModified"`
		Published    string `json:"published"`
		Status       string `json:"vulnStatus"`
	} `json:"cve"`
}

func (r *Reader) nvdRecord(raw json.RawMessage) error {
	if r.into.summary.Records >= r.Bounds.Records {
		return fmt.Errorf("more than %d records", r.Bounds.Records)
	}
	if err := strictjson.Check(raw, strictjson.Bounds{Bytes: int64(r.Bounds.RecordBytes), Depth: maxDepth}); err != nil {
		return err
	}
	var item nvdItem
	if err := json.Unmarshal(raw, &item); err != nil {
		return err
	}
	if !wholeCVE.MatchString(item.CVE.ID) {
		return fmt.Errorf("%.40q is not a CVE id", item.CVE.ID)
	}
	date, err := nvdTime(cmp.Or(item.CVE.LastModified, item.CVE.Published))
	if err != nil {
		return fmt.Errorf("%s: %w", item.CVE.ID, err)
	}
	var compact bytes.Buffer // all years together are held
	if err := json.Compact(&compact, raw); err != nil {
		return err
	}
	r.into.addNVD(item.CVE.ID, item.CVE.Status, date, compact.Bytes())
	return nil
}

// nvdTime reads NVD's times, which are UTC and say so or not.
func nvdTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	t, err := time.Parse("2006-01-02T15:04:05", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not a time", text)
	}
	return t, nil
}

// dated is a record of a source that needs no conversion, of which the newest copy counts.
type dated struct {
	date time.Time
	raw  json.RawMessage
}

// addNVD keeps the newest copy of each record. A rejected one names no vulnerability.
func (c *converter) addNVD(id, status string, date time.Time, raw json.RawMessage) {
	c.summary.Records++
	if strings.EqualFold(status, "Rejected") {
		c.date("nvd", date)
		c.skip("rejected by NVD")
		return
	}
	c.keep(c.nvd, id, dated{date, raw})
}

func (c *converter) keep(in map[string]dated, id string, new dated) {
	old, there := in[id]
	if there {
		c.skip("a better or newer record says the same of the same package")
	}
	if !there || new.date.After(old.date) || new.date.Equal(old.date) && bytes.Compare(new.raw, old.raw) < 0 {
		in[id] = new
	}
}

func (c *converter) flushDated(provider string, schema Schema, from map[string]dated) {
	for _, id := range sortedKeys(from) {
		c.emit(provider, schema, from[id].date, from[id].raw)
	}
}

// perRecord fails when one record is longer than allowed, before it is held.
type perRecord struct {
	from       io.Reader
	left, most int64
}

// slack is what a decoder may have read ahead of the record before.
const slack = 1 << 20

func (p *perRecord) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	if p.left -= int64(n); p.left < -slack {
		return 0, fmt.Errorf("a record is larger than %d bytes", p.most)
	}
	return n, err
}
