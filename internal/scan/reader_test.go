package scan

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v6 "github.com/anchore/grype/grype/db/v6"
	"gorm.io/gorm"

	"github.com/stepseal/stepseal/internal/outcome"
)

// changedBy opens the test set's database after the statements ran in it.
func changedBy(t *testing.T, statements ...string) *Database {
	t.Helper()
	file := filepath.Join(t.TempDir(), "without-checksum.db")
	if err := os.Rename(filepath.Join(unpacked(t), databaseFile), file); err != nil {
		t.Fatal(err)
	}
	low, err := v6.NewLowLevelDB(file, false, true, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		done := low.Exec(s)
		if done.Error != nil || done.RowsAffected == 0 && strings.HasPrefix(s, "DELETE") {
			t.Fatalf("%s: %d rows, %v", s, done.RowsAffected, done.Error)
		}
	}
	connection, err := low.DB()
	if err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := Open(context.Background(), Source{Path: file, CacheDir: t.TempDir()}, Limits{}, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Grype logs most of these and goes on, with findings that are rated too low or with none.
func TestADamagedRecordIsNotTakenForNone(t *testing.T) {
	for name, damage := range map[string][]string{
		"a known exploited that is cut":    {`UPDATE blobs SET value = '{' WHERE id IN (SELECT blob_id FROM known_exploited_vulnerability_handles)`},
		"a known exploited without a text": {`DELETE FROM blobs WHERE id IN (SELECT blob_id FROM known_exploited_vulnerability_handles)`},
		"ranges that are cut":              {`UPDATE blobs SET value = '{' WHERE id IN (SELECT blob_id FROM affected_package_handles)`},
		"ranges that are missing":          {`DELETE FROM blobs WHERE id IN (SELECT blob_id FROM affected_package_handles)`},
		"a vulnerability that is cut":      {`UPDATE blobs SET value = '{' WHERE id IN (SELECT blob_id FROM vulnerability_handles)`},
		"a vulnerability without a text":   {`DELETE FROM blobs WHERE id IN (SELECT blob_id FROM vulnerability_handles)`},
		"a vulnerability that is missing":  {`PRAGMA foreign_keys = OFF`, `DELETE FROM vulnerability_handles`},
	} {
		t.Run(name, func(t *testing.T) {
			db := changedBy(t, damage...)
			if _, err := Match(context.Background(), db, catalogue(debian11, vulnerable()...)); reason(err) != outcome.DatabaseDamaged {
				t.Errorf("%v, want the database damaged", err)
			}
		})
	}
}

func TestAQueryThatFailsIsNotTakenForNone(t *testing.T) {
	for _, table := range []string{
		"affected_package_handles", "blobs", "cwe_handles", "epss_handles", "known_exploited_vulnerability_handles", "operating_systems",
		"operating_system_specifier_overrides", "package_specifier_overrides", "packages", "providers", "unaffected_package_handles", "vulnerability_handles",
	} {
		t.Run(table, func(t *testing.T) {
			db := changedBy(t, `INSERT INTO epss_metadata (date) VALUES ('2026-01-01')`)
			asked := false
			err := db.reader.GetDB().Callback().Query().Before("gorm:query").Register("failing", func(query *gorm.DB) {
				if query.Statement.Table == table {
					asked = true
					_ = query.AddError(io.ErrUnexpectedEOF)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Match(context.Background(), db, catalogue(debian11, vulnerable()...)); reason(err) != outcome.DatabaseDamaged || !asked {
				t.Errorf("asked %t: %v, want the database damaged", asked, err)
			}
		})
	}
}

func TestADatabaseWithoutRatingsIsNotDamaged(t *testing.T) {
	db := changedBy(t)
	if !db.reader.noEPSS {
		t.Fatal("the test set has EPSS ratings by now")
	}
	result, err := Match(context.Background(), db, catalogue(debian11, vulnerable()...))
	if err != nil || len(result.Findings) == 0 {
		t.Errorf("%d findings, %v", len(result.Findings), err)
	}
}

// What is remembered is not what another caller changed.
func TestRecordsAreTheCallersOwn(t *testing.T) {
	db := changedBy(t)
	ask := func() []v6.AffectedPackageHandle {
		found, err := db.reader.GetAffectedPackages(&v6.PackageSpecifier{Name: "lodash", Ecosystem: "npm"}, &v6.GetPackageOptions{PreloadBlob: true})
		if err != nil || len(found) == 0 || found[0].BlobValue == nil {
			t.Fatalf("%d records, %v", len(found), err)
		}
		return found
	}
	ask()[0].Vulnerability = &v6.VulnerabilityHandle{Name: "another"}
	if got := ask()[0].Vulnerability; got != nil {
		t.Errorf("a record came with %v", got)
	}
	bare, err := db.reader.GetAffectedPackages(&v6.PackageSpecifier{Name: "lodash", Ecosystem: "npm"}, &v6.GetPackageOptions{})
	if err != nil || len(bare) == 0 || bare[0].BlobValue != nil {
		t.Errorf("%d records for another question, %v", len(bare), err)
	}
}
