package registrytest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// answer is what a handler said, kept so that it can be changed before it is sent.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func ask(handler http.Handler, req *http.Request) *answer {
	a := &answer{header: http.Header{}}
	handler.ServeHTTP(a, req)
	a.WriteHeader(http.StatusOK)
	return a
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// send sends the answer with another body, or with its own.
func (a *answer) send(w http.ResponseWriter, body []byte) {
	a.declare(w, len(body))
	_, _ = w.Write(body) // whoever stopped listening has its answer
}

// declare sends status and header and promises that many bytes; the answer to a HEAD keeps the length it states.
func (a *answer) declare(w http.ResponseWriter, length int) {
	maps.Copy(w.Header(), a.header)
	if length > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(a.status)
}

// direct is a transport that calls the handler instead of the network.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	a := ask(d.handler, req)
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Header: a.header, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}, nil
}

// refuse answers as registries do.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
func refuse(w http.ResponseWriter, status int) {
	codes := map[int]string{
		http.StatusUnauthorized:    "UNAUTHORIZED",
		http.StatusForbidden:       "DENIED",
		http.StatusNotFound:        "NAME_UNKNOWN",
		http.StatusTooManyRequests: "TOOMANYREQUESTS",
	}
	code := codes[status]
	if code == "" {
		code = "UNSUPPORTED"
	}
	body, _ := json.Marshal(map[string]any{ // strings and a map always encode
		"errors": []map[string]string{{"code": code, "message": http.StatusText(status)}},
	})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
