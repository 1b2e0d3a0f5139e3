package sigstoretest

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Behaviour answers a request in its own way; next is the service that behaves.
type Behaviour func(w http.ResponseWriter, req *http.Request, next http.Handler)

// Answer makes a service behave that way from now on; nil makes it behave again.
func (s *Sigstore) Answer(of Service, behaviour Behaviour) {
	one := s.servers[of]
	one.mu.Lock()
	defer one.mu.Unlock()
	one.behaviour = behaviour
}

// Down hangs up on every request without a word.
func Down() Behaviour {
	return func(http.ResponseWriter, *http.Request, http.Handler) {
		panic(http.ErrAbortHandler) // the one way to close the connection without an answer
	}
}

// Status refuses with that HTTP status.
func Status(status int) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, status, errors.New(http.StatusText(status)))
	}
}

// Instead answers with that status and these bytes, whatever was asked for.
func Instead(status int, body []byte) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { answerBytes(w, status, body) }
}

// Slow answers as the service does, after that pause.
func Slow(pause time.Duration) Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-req.Context().Done():
		case <-timer.C:
			next.ServeHTTP(w, req)
		}
	}
}

// Hanging answers nothing until the client gives up or the instance closes.
func Hanging() Behaviour {
	return func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, req.Body) // only a body read to its end lets net/http notice that the client left
		<-req.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Endless begins an answer with that status that never ends: a JSON string of spaces, as fast as it is read.
func Endless(status int) Behaviour {
	return func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
		answerBytes(w, status, []byte(`{"message":"`))
		block := make([]byte, 64<<10)
		for i := range block {
			block[i] = ' '
		}
		for req.Context().Err() == nil {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}
