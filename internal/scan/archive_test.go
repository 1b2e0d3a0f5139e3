package scan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheChecksumAtTheEndOfAnArchiveCounts is about what lies behind the last file of an archive. Published archives hold
// no import.json, so that the compressor's checksum is all that tells a byte that has turned.
func TestTheChecksumAtTheEndOfAnArchiveCounts(t *testing.T) {
	content := t.TempDir()
	for file, text := range map[string]string{databaseFile: strings.Repeat("SQLite format 3\x00", 1000), importFile: "{}"} {
		if err := os.WriteFile(filepath.Join(content, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		kind         kind
		sums         int // bytes of checksums at the end
		turned, more string
	}{"gzip": {gzipArchive, 8, "gzip: invalid checksum", "unexpected EOF"}, "zstd": {zstdArchive, 4, "CRC check failed", "magic number"}} {
		whole := filepath.Join(t.TempDir(), "whole")
		if _, err := pack(context.Background(), whole, c.kind, content, now); err != nil {
			t.Fatal(err)
		}
		doc, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		turned := []byte(string(doc))
		turned[len(doc)-c.sums] ^= 1
		for what, c := range map[string]struct {
			doc  []byte
			kind kind
			say  string
		}{"whole": {doc, c.kind, ""}, "cut": {doc[:len(doc)-c.sums], c.kind, "unexpected EOF"}, "turned": {turned, c.kind, c.turned}, "more behind": {append(doc[:len(doc):len(doc)], "more"...), c.kind, c.more}} {
			file := filepath.Join(t.TempDir(), "archive")
			if err := os.WriteFile(file, c.doc, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := unpack(context.Background(), file, c.kind, t.TempDir())
			switch {
			case what == "whole" && err != nil:
				t.Errorf("%s: %v", name, err)
			case what != "whole" && (err == nil || !strings.Contains(err.Error(), c.say)):
				t.Errorf("%s, %s: error %v, want one that says %q", name, what, err, c.say)
			}
		}
	}
}

func TestADatabaseThatNobodyUsesLeavesTheCache(t *testing.T) {
	ctx, root := context.Background(), t.TempDir()
	databases := func() (n int) {
		entries, err := os.ReadDir(filepath.Join(root, "databases"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	use := func(path string, days int) {
		t.Helper()
		if _, err := Status(ctx, Source{Path: path, CacheDir: root}, now.AddDate(0, 0, days)); err != nil {
			t.Fatal(err)
		}
	}
	plain := bare(t)
	use(built().Output, 0)
	use(built().Output, 10)
	// The clock of the runs is not that of the disk.
	use(plain, 20)
	if n := databases(); n != 2 {
		t.Errorf("%d databases are there, and both have been used within 14 days", n)
	}
	use(plain, 30)
	third := filepath.Join(t.TempDir(), "third.tar.gz")
	if _, err := pack(ctx, third, gzipArchive, unpacked(t), now); err != nil {
		t.Fatal(err)
	}
	use(third, 30)
	if n := databases(); n != 2 {
		t.Errorf("%d databases are there, and one of three has not been used for 20 days", n)
	}
	use(built().Output, 31)
}
