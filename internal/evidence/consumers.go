package evidence

import "encoding/base64"

// Consumer is a tool that takes attestations up to a size, and fails with larger ones.
type Consumer struct {
	Name string
	// Log: it is a transparency log, which only those signatures meet that are put into one.
	Log   bool
	limit int
	size  func(payload int) int // of what the limit is on, in bytes
}

// bundleOverhead is what a Sigstore bundle has beside the payload: a certificate, an entry of a log, a timestamp.
const bundleOverhead = 32 << 10

func encoded(payload int) int  { return base64.StdEncoding.EncodedLen(payload) + 1<<10 }
func bundled(payload int) int  { return base64.StdEncoding.EncodedLen(payload) + bundleOverhead }
func verbatim(payload int) int { return payload }

// consumers are those whose limits are known, the least first.
var consumers = []Consumer{
	// Its server takes 4 MiB of JSON, in which the envelope is a text again, and public instances gave up at 3.5 MB.
	{"Rekor v1", true, 3_000_000, encoded},
	// 10 MB a layer, and one that is larger fails the image, whatever else there is.
	// https://github.com/kyverno/kyverno/pull/8552 https://github.com/kyverno/kyverno/pull/10567
	{"Kyverno (SigstoreBundle, ImageValidatingPolicy)", false, 10_000_000, bundled},
	// https://github.com/actions/attest#attestation-limits
	{"GitHub's attestations", false, 16 << 20, verbatim},
	{"stepseal verify", false, maxStatementBytes, encoded},
}

// TooLargeFor are the consumers that fail with a statement of so many bytes, the strictest first.
func TooLargeFor(payload int) []Consumer {
	var list []Consumer
	for _, c := range consumers {
		if c.size(payload) > c.limit {
			list = append(list, c)
		}
	}
	return list
}
