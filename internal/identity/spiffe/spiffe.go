// Package spiffe asks the SPIFFE Workload API, on this machine, for an identity token (a JWT-SVID).
//
// It stands apart from package identity for its dependencies: gRPC. It speaks to Unix sockets and to loopback, and to
// nothing else: the API has no login, and its answers are secrets.
// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
package spiffe

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// Token is the token of the workload's default identity. The address is what SPIFFE_ENDPOINT_SOCKET holds: unix: or
// tcp: and where, or the bare path that cosign takes. gRPC bounds the answer to 4 MiB.
func Token(ctx context.Context, address, audience string) (string, error) {
	target, err := endpoint(address)
	if err != nil {
		return "", err
	}
	client, err := workloadapi.New(ctx, workloadapi.WithAddr(target))
	if err != nil {
		return "", err
	}
	defer client.Close()
	svid, err := client.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audience})
	if err != nil {
		return "", err
	}
	return svid.Marshal(), nil
}

// endpoint is the address as go-spiffe takes it, which checks what else there is to it.
// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_Endpoint.md#4-locating-the-endpoint
func endpoint(address string) (string, error) {
	if path.IsAbs(address) {
		return "unix://" + address, nil
	}
	target, err := url.Parse(address)
	switch {
	case err != nil || target.Scheme != "unix" && target.Scheme != "tcp":
		return "", errors.New("the address of the socket does not begin with unix:// or tcp://")
	case target.Scheme == "unix" && target.Host != "":
		return "", errors.New("the address of the socket is not unix:// and an absolute path")
	case target.Scheme == "tcp" && !net.ParseIP(target.Hostname()).IsLoopback():
		return "", errors.New("the address of the socket is on another machine: an agent is asked on this one only")
	}
	return address, nil
}
