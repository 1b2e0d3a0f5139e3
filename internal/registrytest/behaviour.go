package registrytest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Behaviour answers a request in its own way; next is the registry that behaves.
type Behaviour func(w http.ResponseWriter, req *http.Request, next http.Handler)

// Status refuses with that HTTP status and the error document of a registry.
func Status(status int) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { refuse(w, status) }
}

// TooManyRequests is 429 with a Retry-After, in whole seconds.
func TooManyRequests(retryAfter time.Duration) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
		refuse(w, http.StatusTooManyRequests)
	}
}

// Instead answers 200 with these bytes, whatever was asked for.
func Instead(mediaType string, body []byte) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

// HTML answers 200 with a login page, as a proxy in between does.
func HTML() Behaviour {
	return Instead("text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<title>Sign in</title>\n<h1>Sign in to continue</h1>\n"))
}

// From answers as if that path had been asked for, as a tag that moved does.
func From(path string) Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		other := req.Clone(req.Context())
		other.URL.Path, other.URL.RawPath = path, ""
		next.ServeHTTP(w, other)
	}
}

// RedirectLoop sends the client to the same place again and again, each time with another query.
func RedirectLoop() Behaviour {
	return func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
		hop, _ := strconv.Atoi(req.URL.Query().Get("hop")) // absent is the first one
		http.Redirect(w, req, req.URL.Path+"?hop="+strconv.Itoa(hop+1), http.StatusTemporaryRedirect)
	}
}

// Altered sends a body of the right length in which one bit in the middle is wrong.
func Altered() Behaviour {
	return changed(func(body []byte) []byte {
		other := bytes.Clone(body)
		other[len(other)/2] ^= 1
		return other
	})
}

// Padded sends a body with a line break more: JSON says the same, but it is not what the digest names.
func Padded() Behaviour {
	return changed(func(body []byte) []byte { return append(bytes.Clone(body), '\n') })
}

// Shortened sends the first half as if it were everything.
func Shortened() Behaviour {
	return changed(func(body []byte) []byte { return body[:len(body)/2] })
}

// changed changes the body of a good answer and leaves its header, such as Docker-Content-Digest, as it was.
func changed(change func([]byte) []byte) Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		a := ask(next, req)
		body := a.body.Bytes()
		if a.status == http.StatusOK && len(body) > 0 {
			body = change(body)
		}
		a.send(w, body)
	}
}

// Truncated promises the whole body and hangs up in the middle of it.
func Truncated() Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		half(w, req, next)
		panic(http.ErrAbortHandler) // the one way to close the connection without an end
	}
}

// Stalled promises the whole body, sends half of it and then nothing until the client gives up or the registry closes.
func Stalled() Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		half(w, req, next)
		<-req.Context().Done()
	}
}

func half(w http.ResponseWriter, req *http.Request, next http.Handler) {
	a := ask(next, req)
	a.declare(w, a.body.Len())
	_, _ = w.Write(a.body.Bytes()[:a.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
}

// Hanging answers nothing at all until the client gives up or the registry closes.
func Hanging() Behaviour {
	return func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, req.Body) // only a body read to its end lets net/http notice that the client left
		<-req.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Dripping sends a byte of the body at a time, with that pause before each.
func Dripping(pause time.Duration) Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		a := ask(next, req)
		a.declare(w, a.body.Len())
		for _, b := range a.body.Bytes() {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-req.Context().Done():
				return
			case <-time.After(pause):
			}
			_, _ = w.Write([]byte{b})
		}
	}
}
