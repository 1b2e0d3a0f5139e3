package steps

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/stepseal/stepseal/internal/mirror"
	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/step"
)

var (
	directoryInput = step.Text(step.Declaration{Name: "directory", Placeholder: "DIR", Required: true,
		Usage: "the folder with latest.json and the archive that it names"})
	listenInput = step.Parsed(step.Declaration{Name: "listen", Placeholder: "HOST:PORT", Default: "127.0.0.1:8080",
		Usage: "where to listen; port 0 takes a free one"}, parseListen)
	tlsCertificateInput = step.KeyMaterial(step.Declaration{Name: "tls-certificate", Placeholder: "FILE", With: "tls-key",
		Usage: "the certificate of the server in PEM, with those that lead to its authority"}, outcome.KeyUnusable, maxKey)
	tlsKeyInput = step.KeyMaterial(step.Declaration{Name: "tls-key", Placeholder: "FILE", With: "tls-certificate", Secret: true,
		Usage: "the private key of the server's certificate, in PEM without a password"}, outcome.KeyUnusable, maxKey)
)

// DatabaseServe offers a database to others.
func DatabaseServe() *step.Spec {
	return &step.Spec{
		Name:    "database serve",
		Summary: "Serve a folder with an advisory database to others, until it is stopped",
		Prose: `Serves latest.json, latest.json.sig and the archive that latest.json names, and nothing else in the folder, below /databases/v6/: others give http://HOST:PORT/databases as --database-url, or to the grype CLI as GRYPE_DB_UPDATE_URL. /healthz answers 200 while the files fit together. SIGTERM ends it.

The archive's checksum is compared before anything is served, and again when the folder is filled anew: put the archive there first, then latest.json.`,
		Examples: []step.Example{
			{Text: "what database build wrote, to this machine", Command: "stepseal database serve mirror"},
			{Text: "to others", Command: "stepseal database serve mirror --listen 0.0.0.0:8443 --tls-certificate tls.crt --tls-key tls.key"},
		},
		Inputs:   inputs([]step.Input{directoryInput, listenInput, tlsCertificateInput, tlsKeyInput}, speaking),
		Argument: directoryInput,
		Run:      databaseServe,
	}
}

func databaseServe(ctx context.Context, r *step.Run) error {
	keys, err := serverKeys(r)
	if err != nil {
		return err
	}
	handler, err := mirror.NewServer(ctx, directoryInput.Of(r), r.Warn)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listenInput.Of(r))
	if err != nil {
		return outcome.New(outcome.Unexpected, "nothing can listen on %s", listenInput.Of(r)).Because(err).Hint("name another place with --listen")
	}
	scheme := "http"
	if keys != nil {
		scheme = "https"
	}
	at, _ := netip.ParseAddrPort(listener.Addr().String())
	if keys == nil && !at.Addr().Unmap().IsLoopback() {
		r.Warn("served without TLS to other machines, where neither stepseal nor anybody careful takes a database from plain HTTP; put something that speaks TLS before it, or give --tls-certificate and --tls-key")
	}
	latest := handler.Latest()
	r.Note("serving %s of %s at %s://%s/databases", latest.Archive, latest.Built.Format("2006-01-02"), scheme, listener.Addr())
	if err := mirror.Serve(ctx, listener, handler, keys); err != nil {
		return outcome.New(outcome.Unexpected, "the server on %s has stopped", listener.Addr()).Because(err)
	}
	r.Note("stopped")
	return nil
}

func serverKeys(r *step.Run) (*tls.Certificate, error) {
	certificate, key := tlsCertificateInput.Of(r), tlsKeyInput.Of(r)
	if certificate.Given() != key.Given() {
		return nil, outcome.New(outcome.InvalidInput, "--tls-certificate and --tls-key go together")
	}
	if !key.Given() {
		return nil, nil
	}
	pair, err := tls.X509KeyPair(certificate.Content, key.Content)
	if err != nil {
		return nil, outcome.New(outcome.KeyUnusable, "the certificate and the key of the server cannot be used together").Because(err)
	}
	return &pair, nil
}

func parseListen(text string) (string, error) {
	_, port, err := net.SplitHostPort(text)
	if err != nil || port == "" {
		return "", outcome.New(outcome.InvalidInput, "%q is not HOST:PORT, as in 127.0.0.1:8080", text)
	}
	return text, nil
}
