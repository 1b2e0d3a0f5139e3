package mirror

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds on what a client may make a server wait for.
const (
	headersIn  = 10 * time.Second
	archiveIn  = time.Hour
	idleFor    = time.Minute
	goodbyeFor = 300 * time.Millisecond
	maxClients = 256
)

// Serve answers on the listener until ctx ends, which is no error: downloads under way are given a moment, and can be
// gone on with elsewhere. keys may be nil for plain HTTP.
func Serve(ctx context.Context, on net.Listener, handler http.Handler, keys *tls.Certificate) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headersIn, ReadTimeout: headersIn, WriteTimeout: archiveIn, IdleTimeout: idleFor, MaxHeaderBytes: 16 << 10,
	}
	on = &few{Listener: on, free: make(chan struct{}, maxClients)}
	if keys != nil {
		on = tls.NewListener(on, &tls.Config{Certificates: []tls.Certificate{*keys}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(on) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeFor)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		_ = server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// few lets so many clients in at once; the next one waits.
type few struct {
	net.Listener
	free chan struct{}
}

func (l *few) Accept() (net.Conn, error) {
	l.free <- struct{}{}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &counted{Conn: conn, leave: func() { <-l.free }}, nil
}

type counted struct {
	net.Conn
	leave func()
	once  sync.Once
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}
