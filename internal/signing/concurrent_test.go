package signing

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
)

// TestAttack32ConcurrentWriters lets two writers attest the same image at once, over and over. The fallback index and
// cosign's tags are read, changed and written without a lock, and whoever writes last could undo what the other has read
// back already.
func TestAttack32ConcurrentWriters(t *testing.T) {
	t.Parallel()
	const keyRounds, keylessRounds = 100, 10
	for where, opt := range eachRegistry {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			b := newKeylessBench(t, opt)
			keys := []*Key{b.key, newTestKey(t, ed25519Key(t))}
			b.rounds("keys", keyRounds, keys[0], keys[1])
			b.rounds("identities", keylessRounds, b.release(logged...), b.release(logged...))
		})
	}
}

// rounds run beside each other, as far as they do not share an image.
func (b *keylessBench) rounds(name string, count int, authors ...Author) {
	b.Helper()
	var rounds []*bench
	for i := range count {
		inner := *b.bench
		inner.subject = inner.push("shop", fmt.Sprintf("%s-%d", name, i))
		rounds = append(rounds, &inner)
	}
	began := time.Now()
	for _, lost := range inParallel(rounds, func(r *bench) string { return r.race(authors) }) {
		if lost != "" {
			b.Error(name, lost)
		}
	}
	b.Logf("%d rounds of %s: %s", count, name, time.Since(began))
}

// race says what is missing after all have written at once.
func (b *bench) race(authors []Author) string {
	var missing []string
	var all sync.WaitGroup
	errs := make([]error, len(authors))
	statements := make([]evidence.Statement, len(authors))
	for i, author := range authors {
		statements[i] = b.scan("accepted", noon.Add(-time.Duration(i+1)*time.Hour))
		all.Go(func() {
			_, errs[i] = Attest(context.Background(), b.registry, b.subject, author, statements[i], Both, noon)
		})
	}
	all.Wait()
	for i, author := range authors {
		if errs[i] != nil {
			missing = append(missing, errs[i].Error())
			continue
		}
		w, err := newWriter(b.registry, b.subject, author, Both, noon)
		if err == nil {
			err = w.plan(statements[i])
		}
		if err == nil {
			_, err = w.look(context.Background())
		}
		if err != nil || w.missing() {
			missing = append(missing, fmt.Sprintf("writer %d (%v): bundle %s, layer %s", i, err, w.items[0].bundle.Digest.Hex, w.items[0].legacy.Digest.Hex))
		}
	}
	return strings.Join(missing, "; ")
}
