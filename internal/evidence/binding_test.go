package evidence

import (
	"errors"
	"testing"
)

func TestSBOMSubject(t *testing.T) {
	hexOf := func(d string) string { return d[len("sha256:"):] }
	for name, test := range map[string]struct {
		doc, want string
		err       error
	}{
		"CycloneDX by version":            {`{"bomFormat":"CycloneDX","metadata":{"component":{"version":"` + oneDigest + `"}}}`, oneDigest, nil},
		"CycloneDX by purl":               {`{"bomFormat":"CycloneDX","metadata":{"component":{"version":"1.0","purl":"pkg:oci/shop@sha256:` + hexOf(oneDigest) + `?arch=amd64"}}}`, oneDigest, nil},
		"CycloneDX by escaped purl":       {`{"bomFormat":"CycloneDX","metadata":{"component":{"purl":"pkg:oci/shop@sha256%3A` + hexOf(oneDigest) + `#a"}}}`, oneDigest, nil},
		"CycloneDX by hash":               {`{"bomFormat":"CycloneDX","metadata":{"component":{"hashes":[{"alg":"SHA-1","content":"22"},{"alg":"SHA-256","content":"` + hexOf(oneDigest) + `"}]}}}`, oneDigest, nil},
		"CycloneDX that agrees":           {`{"bomFormat":"CycloneDX","metadata":{"component":{"version":"` + oneDigest + `","hashes":[{"alg":"SHA-256","content":"` + hexOf(oneDigest) + `"}]}}}`, oneDigest, nil},
		"CycloneDX that contradicts":      {`{"bomFormat":"CycloneDX","metadata":{"component":{"version":"` + oneDigest + `","hashes":[{"alg":"SHA-256","content":"` + hexOf(otherDigest) + `"}]}}}`, "", ErrTwoSubjects},
		"CycloneDX that does not say":     {`{"bomFormat":"CycloneDX","metadata":{"component":{"version":"1.0","purl":"pkg:npm/a@1"}}}`, "", nil},
		"CycloneDX without a root":        {`{"bomFormat":"CycloneDX"}`, "", nil},
		"SPDX by version":                 {`{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"SPDXRef-a","versionInfo":"` + oneDigest + `"},{"SPDXID":"b","versionInfo":"` + otherDigest + `"}],"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-a"}]}`, oneDigest, nil},
		"SPDX by checksum, short form":    {`{"spdxVersion":"SPDX-2.2","documentDescribes":["SPDXRef-a"],"packages":[{"SPDXID":"SPDXRef-a","checksums":[{"algorithm":"SHA256","checksumValue":"` + hexOf(oneDigest) + `"}]}]}`, oneDigest, nil},
		"SPDX by purl, other direction":   {`{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"SPDXRef-a","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:oci/a@` + oneDigest + `"}]}],"relationships":[{"spdxElementId":"SPDXRef-a","relationshipType":"DESCRIBED_BY","relatedSpdxElement":"SPDXRef-DOCUMENT"}]}`, oneDigest, nil},
		"SPDX of a package, not an image": {`{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"SPDXRef-a","versionInfo":"` + oneDigest + `"}]}`, "", nil},
		"SPDX 3":                          {`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`, "", nil},
		"syft JSON":                       {`{"schema":{"url":"x"},"source":{"type":"image","version":"1.0","metadata":{"manifestDigest":"` + oneDigest + `"}}}`, oneDigest, nil},
		"syft JSON of a folder":           {`{"schema":{"url":"x"},"source":{"type":"directory","metadata":{"path":"/"}}}`, "", nil},
	} {
		got, err := SBOMSubject([]byte(test.doc))
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, doc := range []string{`"SPDXVersion: SPDX-2.3"`, `{}`, `[]`, ``, `{"Data":{},"Timestamp":""}`} {
		if got, err := SBOMSubject([]byte(doc)); err == nil {
			t.Errorf("%s: taken, %q", doc, got)
		}
	}
}
