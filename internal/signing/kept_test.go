package signing

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/registrytest"
)

// What strangers put beside an image is told and not kept: neither the document, nor what it claims, nor a part of it that
// holds on to the rest. Other tests bound what a run takes; here a few documents stand for as many as there is room for.
func TestNothingLargeIsKeptOfWhatNobodyTrustedSigned(t *testing.T) {
	const large, count = 256 << 10, 8
	b := newBench(t, registrytest.Options{})
	stranger := newTestKey(t, ed25519Key(t))
	padding := strings.Repeat("a", large)
	predicate := marshal(t, b.about(evidence.SBOMPredicate, `{"x":"`+padding+`"}`))
	subject := marshal(t, evidence.NewStatement(evidence.SBOMPredicate, []byte("{}"), padding, b.subject.DigestStr()))
	kind := marshal(t, b.about(evidence.SBOMPredicate+"/v1."+padding, "{}"))
	mediaType := func(content []byte) []byte {
		return []byte(strings.Replace(string(content), ".v0.3+json", padding, 1))
	}
	later := func(content []byte) []byte {
		return []byte(strings.Replace(string(content), ".v0.3+json", ".v0.9+json", 1))
	}
	for name, made := range map[string]func() document{
		"no bundle":                       func() document { return document{store: Bundle, content: bytes.Clone([]byte(padding))} },
		"no envelope":                     func() document { return document{store: Legacy, content: bytes.Clone([]byte(padding))} },
		"a bundle with a large predicate": func() document { return document{store: Bundle, content: bundleOf(t, stranger, predicate)} },
		"a bundle with a large subject":   func() document { return document{store: Bundle, content: bundleOf(t, stranger, subject)} },
		"a bundle with a large type":      func() document { return document{store: Bundle, content: bundleOf(t, stranger, kind)} },
		"a bundle with a large media type": func() document {
			return document{store: Bundle, content: mediaType(bundleOf(t, stranger, []byte("{}")))}
		},
		"a bundle of a later version": func() document { return document{store: Bundle, content: later(bundleOf(t, stranger, subject))} },
	} {
		t.Run(name, func(t *testing.T) {
			e, err := newExaminer(ByKeys(b.key.Public()))
			if err != nil {
				t.Fatal(err)
			}
			before := heap()
			var kept []finding
			for range count {
				kept = append(kept, e.examine([]document{made()})...)
			}
			grown := heap() - before
			for _, f := range kept {
				if f.err == nil {
					t.Error("it counts")
				}
			}
			if grown > count*large/2 {
				t.Errorf("%d KiB are kept of %d documents of %d KiB", grown>>10, count, large>>10)
			}
			runtime.KeepAlive(e)
		})
	}
}

// heap is what is in memory and in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
