package sigstoretest

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Service is one of the services of the instance.
type Service int

// The services. Rekor is version 1 with its signed entry timestamps, RekorTiles is version 2, which has no clock.
const (
	Issuer Service = iota
	Fulcio
	Rekor
	RekorTiles
	TimestampAuthority
)

// path is what a client is told beside the address: a timestamp authority's URL is the endpoint itself.
func (s Service) path() string {
	if s == TimestampAuthority {
		return "/api/v1/timestamp"
	}
	return ""
}

// longest is how much of a request is read.
const longest = 64 << 20

type server struct {
	listener net.Listener
	http     *http.Server
	stop     context.CancelFunc

	mu        sync.Mutex
	behaviour Behaviour
}

func (s *Sigstore) serve(of Service, handler http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	one := &server{listener: listener, stop: stop}
	one.http = &http.Server{
		Handler:     one.over(http.MaxBytesHandler(handler, longest)),
		ErrorLog:    log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ReadTimeout: time.Minute,
	}
	s.servers[of] = one
	go func() { _ = one.http.Serve(listener) }() // it ends with Close
	return nil
}

func (s *server) url() string { return "http://" + s.listener.Addr().String() }

func (s *server) close() {
	s.stop()
	_ = s.http.Close() // nothing is left to be done about a listener that does not close
}

func (s *server) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.mu.Lock()
		behave := s.behaviour
		s.mu.Unlock()
		if behave == nil {
			next.ServeHTTP(w, req)
			return
		}
		behave(w, req, next)
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answerBytes(w, status, text)
}

func answerBytes(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// refuse is the error document that Fulcio and Rekor have in common.
func refuse(w http.ResponseWriter, status int, why error) {
	text, _ := json.Marshal(map[string]any{"code": status, "message": why.Error()}) // a number and a string always encode
	answerBytes(w, status, text)
}

func answerProto(w http.ResponseWriter, status int, body proto.Message) {
	text, err := protojson.Marshal(body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answerBytes(w, status, text)
}
