package scan

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/stepseal/stepseal/internal/mirror"
	"github.com/stepseal/stepseal/internal/outcome"
)

// Key is who must have signed a database's latest.json. The zero value demands nobody.
type Key struct {
	ID     string // what it is called, such as its fingerprint; remembered beside a database that it vouched for
	Verify mirror.Verify
}

func (k Key) demanded() bool { return k.Verify != nil }

// stamp lies beside a database of ours and says what it is: indexes have changed the file since.
type stamp struct {
	SHA256  string `json:"sha256"`            // of the database before indexes were added
	Import  string `json:"import,omitempty"`  // the checksum in import.json, which the stamp belongs to
	Archive string `json:"archive,omitempty"` // sha256 of the file that it came in
	Key     string `json:"key,omitempty"`     // that had signed for the archive
	From    string `json:"from,omitempty"`
}

func stampOf(dir string) stamp {
	var s stamp
	doc, err := os.ReadFile(filepath.Join(dir, stampFile))
	if err != nil || json.Unmarshal(doc, &s) != nil {
		return stamp{}
	}
	return s
}

// vouched says whether the stamp is of this very file, which came in an archive that the key had signed for. The folder
// is believed, as its checksum in import.json is: who can write into it can do as he likes.
func (s stamp) vouched(key Key, imported string) bool {
	return s.Import != "" && s.Import == imported && s.Key != "" && s.Key == key.ID
}

// trusted holds a database that somebody named to the key: an archive has its signed latest.json beside it, and a bare
// database is one that an update or import has checked.
func (s Source) trusted(path string, kind kind, of sums) error {
	if !s.Key.demanded() {
		return nil
	}
	if kind == sqliteFile {
		if stampOf(filepath.Dir(path)).vouched(s.Key, of.xxh64()) {
			return nil
		}
		return outcome.New(outcome.DatabaseUntrusted, "nothing says that the database %s is by %s", path, s.Key.ID).
			Hint("import or update it with the same --database-key, or name the archive with latest.json and latest.json.sig beside it")
	}
	folder, err := mirror.ReadFolder(filepath.Dir(path), s.Key.Verify)
	if err != nil {
		if outcome.Of(err).Reason == outcome.DatabaseMissing {
			return outcome.New(outcome.DatabaseUntrusted, "there is no latest.json beside %s, whose signature could be checked", path)
		}
		return err
	}
	if folder.Latest.SHA256 != of.sha256() {
		return outcome.New(outcome.DatabaseUntrusted, "%s is not the archive that the signed latest.json beside it names", path).
			With("expected "+folder.Latest.SHA256, "found "+of.sha256())
	}
	return nil
}
