package sbom

import (
	"context"
	"sync"

	engine "github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
)

// LicenceTexts are the texts of all licences, compiled once for all the images of a run: that takes most of a second of one
// core. The zero value has compiled nothing yet.
type LicenceTexts struct {
	begin sync.Once
	done  chan struct{}
	held  context.Context // syft keeps what is compiled in a context, under a key of its own
	err   error
}

// compile begins to compile the texts, if nobody has, and returns the function that waits for it and puts them into a
// context: meanwhile the layers are fetched.
func (l *LicenceTexts) compile() func(context.Context) (context.Context, error) {
	l.begin.Do(func() {
		l.done = make(chan struct{})
		go func() {
			defer close(l.done)
			l.held, l.err = engine.SetContextLicenseScanner(context.Background(), cataloging.DefaultLicenseConfig())
		}()
	})
	return func(ctx context.Context) (context.Context, error) {
		<-l.done
		return holding{ctx, l.held}, l.err
	}
}

// holding is a context with the values of another one too.
type holding struct {
	context.Context
	held context.Context
}

func (h holding) Value(key any) any {
	if value := h.Context.Value(key); value != nil {
		return value
	}
	return h.held.Value(key)
}
