package evidence

import (
	"bytes"
	"encoding/json"
	"testing"
)

func FuzzParseStatement(f *testing.F) {
	seed, _ := NewStatement(SBOMPredicate, []byte(delicate), "shop", oneDigest, otherDigest).Marshal() // strings always encode
	f.Add(seed)
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"t"}`))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":null,"predicateType":"t","predicate":[[[]]]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := ParseStatement(payload)
		if err != nil {
			return
		}
		if len(s.Subject) == 0 || s.PredicateType == "" {
			t.Fatalf("incomplete: %+v", s)
		}
		if s.Predicate == nil {
			return
		}
		again, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseStatement(again)
		if err != nil || !bytes.Equal(back.Predicate, s.Predicate) || back.PredicateType != s.PredicateType || len(back.Subject) != len(s.Subject) {
			t.Fatalf("%+v came back as %+v (%v)", s, back, err)
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	seed, _ := Envelope{Payload: []byte("{}"), Signature: []byte("sig")}.Marshal() // strings always encode
	f.Add(seed)
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEnvelope(raw)
		if err != nil {
			return
		}
		again, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseEnvelope(again)
		if err != nil || !bytes.Equal(back.Payload, e.Payload) || !bytes.Equal(back.Signature, e.Signature) {
			t.Fatalf("%+v came back as %+v (%v)", e, back, err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	begun := NewRecord("shop@"+oneDigest, oneDigest, "")
	begun.Add("linux/amd64", oneDigest)
	seed, _ := begun.Marshal() // strings always encode
	f.Add(seed)
	f.Add([]byte(`{"schema":"stepseal.evidence/v1","image":"","digest":"` + oneDigest + `","index":"","platforms":[{"platform":"","digest":"` + oneDigest + `","documents":[{"role":"sbom","path":"a/b","mediaType":"","sha256":"` + oneHex + `","size":1}]}]}`))
	for _, source := range []string{"docker-archive:app.tar", "docker:app", "dir:app"} {
		undigested := NewRecord(source, "", "")
		undigested.AddUndigested("", oneDigest)
		seed, _ := undigested.Marshal() // strings always encode
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseRecord(raw)
		if err != nil {
			return
		}
		again, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRecord(again); err != nil {
			t.Fatalf("%s is not read back: %v", again, err)
		}
	})
}

func FuzzSBOMSubject(f *testing.F) {
	f.Add([]byte(`{"bomFormat":"CycloneDX","metadata":{"component":{"version":"` + oneDigest + `","purl":"pkg:oci/a@sha256%3A` + oneHex + `"}}}`))
	f.Add([]byte(`{"spdxVersion":"SPDX-2.3","documentDescribes":["a"],"packages":[{"SPDXID":"a","versionInfo":"` + oneDigest + `"}]}`))
	f.Add([]byte(`{"schema":{"url":"x"},"source":{"type":"image","metadata":{"manifestDigest":"` + oneDigest + `"}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if digest, err := SBOMSubject(doc); digest != "" && (err != nil || !IsDigest(digest)) {
			t.Fatalf("%q, %v", digest, err)
		}
	})
}

// FuzzParseScan holds that what is taken from a foreign scan is JSON again.
func FuzzParseScan(f *testing.F) {
	f.Add([]byte(`{"scanner":{"uri":"u","version":"1","db":{"version":"2","lastUpdate":"x"},"result":{"schema":"stepseal.scan/v1","verdict":"accepted","database":{"providers":[{"captured":"2026-01-01T00:00:00Z"}]}}},"metadata":{"scanFinishedOn":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"scanner":{"result":null}}`))
	f.Fuzz(func(t *testing.T, predicate []byte) {
		scan, err := ParseScan(predicate)
		if err != nil {
			return
		}
		if len(scan.Report) > 0 && !json.Valid(scan.Report) {
			t.Errorf("%q holds the report %q", predicate, scan.Report)
		}
		if v, ok := ParseVerdict(scan.Report); ok && v.Schema != ScanSchema {
			t.Errorf("%q is taken for a scan of ours", scan.Report)
		}
	})
}
