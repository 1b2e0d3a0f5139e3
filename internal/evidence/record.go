package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/strictjson"
)

// RecordFile is the name of the hand-over in the output directory; RecordSchema is what it says it is.
const (
	RecordFile   = "evidence.json"
	RecordSchema = "stepseal.evidence/v1"
)

// Limits on a hand-over.
const (
	maxRecordBytes   = 4 << 20
	maxDocumentBytes = 256 << 20
	maxPlatforms     = 1000
)

// Role says what a document of the hand-over is.
type Role string

// The roles.
const (
	RoleSBOM         Role = "sbom"
	RoleSBOMSPDX     Role = "sbom-spdx"
	RoleSBOMSyft     Role = "sbom-syft"
	RoleScan         Role = "scan"
	RoleVerification Role = "verification"
	RoleVEX          Role = "vex"
)

// Record is evidence.json: what earlier steps found out about an image, by digest. Every step extends it.
type Record struct {
	Schema    string     `json:"schema"`
	Image     string     `json:"image"`  // repository@digest; docker:REF, docker-archive:PATH or dir:PATH where there is no digest
	Digest    string     `json:"digest"` // sha256:<hex>, the one in Image; empty where it has none
	Index     string     `json:"index"`  // that the image was chosen from, or that the record is about; empty for a single image
	Platforms []Platform `json:"platforms"`

	folder string // paths are relative to it
}

// Platform is one image of the record.
type Platform struct {
	Platform  string     `json:"platform"` // empty for a folder
	Digest    string     `json:"digest"`   // empty where the image has none
	ID        string     `json:"id,omitempty"`
	Documents []Document `json:"documents"`
}

// Document is one file of the record.
type Document struct {
	Role      Role   `json:"role"`
	Path      string `json:"path"` // relative to evidence.json, with slashes
	MediaType string `json:"mediaType"`
	SHA256    string `json:"sha256"` // hex
	Size      int64  `json:"size"`
	// Finished is when the work behind the document ended, RFC 3339. scan.json itself holds no clock's time, so that
	// the same input gives the same bytes; a scan attestation has to say when.
	Finished string `json:"finished,omitempty"`
}

// NewRecord begins a record about an image, or about an index, whose digest stands twice then. Add names its images.
func NewRecord(image, digest, index string) *Record {
	return &Record{Schema: RecordSchema, Image: image, Digest: digest, Index: index}
}

// Add names an image of the record. Pointers to earlier ones are no longer good afterwards.
func (r *Record) Add(platform, digest string) {
	r.Platforms = append(r.Platforms, Platform{Platform: platform, Digest: digest, Documents: []Document{}})
}

// AddUndigested names an image that no registry has given a digest, by its id; a folder has none.
func (r *Record) AddUndigested(platform, id string) {
	r.Platforms = append(r.Platforms, Platform{Platform: platform, ID: id, Documents: []Document{}})
}

// Whole reports whether the record is about an index, and not about one image of it.
func (r *Record) Whole() bool { return r.Index != "" && r.Index == r.Digest }

// Subject is what the platform's documents are bound to: its digest, or the image's id where it has none. It is empty for
// a folder.
func (p Platform) Subject() string { return cmp.Or(p.Digest, p.ID) }

// undigested are the sources that give their images no digest.
var undigested = []string{"docker:", "docker-archive:", "dir:"}

// Undigested reports whether the name is that of a source that gives its images no digest.
func Undigested(image string) bool {
	return slices.ContainsFunc(undigested, func(scheme string) bool { return strings.HasPrefix(image, scheme) })
}

// ReadRecord reads evidence.json, or the one in the folder that is named. If digest (sha256:<hex>) is not empty the
// file must have it.
func ReadRecord(file, digest string) (*Record, error) {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, RecordFile)
	}
	raw, err := ReadFile(file, maxRecordBytes)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "evidence %s", file).Because(err)
	}
	if got := Digest(raw); digest != "" && got != digest {
		return nil, outcome.New(outcome.EvidenceChanged, "evidence %s has the digest %s, and %s was handed on", file, got, digest)
	}
	r, err := ParseRecord(raw)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "evidence %s", file).Because(err)
	}
	r.folder = filepath.Dir(file)
	return r, nil
}

// ParseRecord reads the bytes of evidence.json.
func ParseRecord(raw []byte) (*Record, error) {
	var r Record
	bounds := strictjson.Bounds{Bytes: maxRecordBytes, Depth: 12, FoldKeys: true}
	if err := strictjson.Decode(raw, bounds, &r); err != nil {
		return nil, err
	}
	if r.Schema != RecordSchema {
		return nil, fmt.Errorf("schema %.80q is not %s", r.Schema, RecordSchema)
	}
	if len(r.Platforms) == 0 || len(r.Platforms) > maxPlatforms {
		return nil, fmt.Errorf("%d platforms", len(r.Platforms))
	}
	if err := r.checkDigests(); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	if _, ok := r.Of(r.Digest); !ok && !r.Whole() && !Undigested(r.Image) {
		return nil, fmt.Errorf("the image %.80q is none of its platforms", r.Digest)
	}
	for _, p := range r.Platforms {
		if err := p.check(); err != nil {
			return nil, err
		}
	}
	for _, p := range r.Platforms {
		if seen[p.Digest] || seen[p.Platform] {
			return nil, fmt.Errorf("the platform %.80q stands twice", p.Platform)
		}
		seen[p.Digest], seen[p.Platform] = true, true
	}
	return &r, nil
}

// checkDigests makes sure that every image has a digest, or that it is the only one and its source gives none.
func (r *Record) checkDigests() error {
	if strings.ContainsFunc(r.Image, unicode.IsControl) {
		return fmt.Errorf("image %.120q holds a control character", r.Image)
	}
	if r.Index != "" && !IsDigest(r.Index) {
		return fmt.Errorf("index %.80q is not a digest", r.Index)
	}
	if Undigested(r.Image) {
		only := r.Platforms[0]
		if r.Digest != "" || r.Index != "" || len(r.Platforms) != 1 || only.Digest != "" || only.ID != "" && !IsDigest(only.ID) {
			return fmt.Errorf("image %.120q is of a source without digests, and is given one", r.Image)
		}
		return nil
	}
	if repository, digest, _ := strings.Cut(r.Image, "@"); repository == "" || digest != r.Digest {
		return fmt.Errorf("image %.120q is not a repository at the digest %.80q", r.Image, r.Digest)
	}
	for _, p := range append([]Platform{{Digest: r.Digest}}, r.Platforms...) {
		if !IsDigest(p.Digest) || p.ID != "" {
			return fmt.Errorf("%.80q is not a digest, or stands beside an id", p.Digest)
		}
	}
	return nil
}

// platformName is what may name a folder: words with slashes between them, none of which leads upwards.
// Compiled when first used: its repetitions make it large, and every start of the program would wait for it.
var platformName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}([/:][A-Za-z0-9][A-Za-z0-9._+-]{0,127}){0,3}$`)
})

// check refuses a role that stands twice: which of the two counts would depend on the reader.
func (p Platform) check() error {
	if p.Platform != "" && !platformName().MatchString(p.Platform) {
		return fmt.Errorf("%.80q is no platform", p.Platform)
	}
	roles := map[Role]bool{}
	for _, d := range p.Documents {
		if roles[d.Role] {
			return fmt.Errorf("the role %.40q stands twice", d.Role)
		}
		roles[d.Role] = true
		if err := d.check(); err != nil {
			return err
		}
	}
	return nil
}

func (d Document) check() error {
	if !fs.ValidPath(d.Path) || strings.ContainsAny(d.Path, "\\\x00") {
		return fmt.Errorf("path %.120q leads out of the folder", d.Path)
	}
	if d.Size < 0 || d.Size > maxDocumentBytes {
		return fmt.Errorf("%s claims %d bytes", d.Path, d.Size)
	}
	if !IsDigest("sha256:" + d.SHA256) {
		return fmt.Errorf("%s: %.80q is not a SHA-256", d.Path, d.SHA256)
	}
	return nil
}

// IsDigest tells sha256:<64 lower-case hex digits>.
func IsDigest(text string) bool {
	hexed, ok := strings.CutPrefix(text, "sha256:")
	if !ok || len(hexed) != 64 || hexed != strings.ToLower(hexed) {
		return false
	}
	_, err := hex.DecodeString(hexed)
	return err == nil
}

// Digest is sha256:<hex> of the bytes.
func Digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Of finds the platform by what its documents are bound to; ok is false where the record does not speak of it.
func (r *Record) Of(subject string) (p *Platform, ok bool) {
	for i := range r.Platforms {
		if r.Platforms[i].Subject() == subject {
			return &r.Platforms[i], true
		}
	}
	return nil, false
}

// Document finds the platform's document of a role.
func (p *Platform) Document(role Role) (Document, bool) {
	for _, d := range p.Documents {
		if d.Role == role {
			return d, true
		}
	}
	return Document{}, false
}

// Read returns the document's bytes, checked against the record.
func (r *Record) Read(d Document) ([]byte, error) {
	file := filepath.Join(r.folder, filepath.FromSlash(d.Path))
	raw, err := ReadFile(file, maxDocumentBytes)
	if err != nil {
		return nil, outcome.New(outcome.EvidenceUnusable, "evidence document %s", file).Because(err)
	}
	if got := Digest(raw); got != "sha256:"+d.SHA256 {
		return nil, outcome.New(outcome.EvidenceChanged, "%s is not what the evidence says", file).
			With("the evidence says sha256:"+d.SHA256, "the file has    "+got)
	}
	return raw, nil
}

// Put sets the platform's document of the role to a file that lies beside the record.
func (p *Platform) Put(role Role, file, mediaType string, content []byte, finished time.Time) {
	d := Document{Role: role, Path: path.Clean(filepath.ToSlash(file)), MediaType: mediaType,
		SHA256: strings.TrimPrefix(Digest(content), "sha256:"), Size: int64(len(content))}
	if !finished.IsZero() {
		d.Finished = finished.UTC().Format(time.RFC3339)
	}
	for i := range p.Documents {
		if p.Documents[i].Role == role {
			p.Documents[i] = d
			return
		}
	}
	p.Documents = append(p.Documents, d)
}

// Drop forgets the platform's document of the role.
func (p *Platform) Drop(role Role) {
	p.Documents = slices.DeleteFunc(p.Documents, func(d Document) bool { return d.Role == role })
}

// In reports whether the record's documents lie in the folder.
func (r *Record) In(folder string) bool {
	a, errA := os.Stat(r.folder)
	b, errB := os.Stat(folder)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// MoveTo says that the documents lie in another folder now.
func (r *Record) MoveTo(folder string) { r.folder = folder }

// Marshal is the record as it is written.
func (r *Record) Marshal() ([]byte, error) { return Encode(r) }

// ReadFile reads a regular file of at most limit bytes.
func ReadFile(file string, limit int64) ([]byte, error) {
	// Opening a pipe that nobody writes to would wait for ever.
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a file")
	}
	if err != nil {
		return nil, bare(err)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), limit)) + bytes.MinRead) // or growing takes twice the memory
	n, err := b.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("is larger than %d bytes", limit)
	}
	return b.Bytes(), err
}

// bare leaves the path out of an error whose reader names it already.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
