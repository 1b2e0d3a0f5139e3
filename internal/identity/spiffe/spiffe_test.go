package spiffe_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/identity/spiffe"
	"github.com/stepseal/stepseal/internal/outcome"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

const workloadID = "spiffe://example.org/ns/ci/sa/builder"

// agent is a Workload API as SPIRE's agent serves it, for one workload.
type agent struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	answer func(context.Context, *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error)
}

func (a agent) FetchJWTSVID(ctx context.Context, request *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_Endpoint.md#6-transport
	if from, _ := metadata.FromIncomingContext(ctx); strings.Join(from.Get("workload.spiffe.io"), "") != "true" {
		return nil, status.Error(codes.InvalidArgument, "security header missing from request")
	}
	return a.answer(ctx, request)
}

// serve is the address of an agent on a socket of its own.
func serve(t *testing.T, answer func(context.Context, *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error)) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "agent") // t.TempDir has long names, and a socket's name has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := filepath.Join(folder, "api.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(server, agent{answer: answer})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return "unix://" + socket
}

func svid(id, audience string) *workload.JWTSVID {
	encode := base64.RawURLEncoding.EncodeToString
	// go-spiffe looks at the real clock.
	payload := fmt.Sprintf(`{"iss":"https://oidc.example.org","sub":%q,"aud":[%q],"exp":%d}`, id, audience, max(now.Unix(), time.Now().Unix())+300)
	return &workload.JWTSVID{SpiffeId: id, Svid: encode([]byte(`{"alg":"ES256","kid":"1","typ":"JWT"}`)) + "." + encode([]byte(payload)) + "." + encode([]byte("signature"))}
}

func granting(_ context.Context, request *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	return &workload.JWTSVIDResponse{Svids: []*workload.JWTSVID{svid(workloadID, request.Audience[0]), svid("spiffe://example.org/other", request.Audience[0])}}, nil
}

func find(t *testing.T, address string) (identity.Token, error) {
	t.Helper()
	return identity.Find(t.Context(), identity.Options{Workload: spiffe.Token, Now: func() time.Time { return now }, Patience: 2 * time.Second,
		Getenv: func(name string) string { return map[string]string{"SPIFFE_ENDPOINT_SOCKET": address}[name] }})
}

func TestTheDefaultIdentityIsTaken(t *testing.T) {
	address := serve(t, granting)
	for _, spelled := range []string{address, strings.TrimPrefix(address, "unix://"), "unix:" + strings.TrimPrefix(address, "unix://")} {
		token, err := find(t, spelled)
		if err != nil || token.Source != identity.SPIFFE || token.Subject != workloadID || strings.Count(token.Reveal(), ".") != 2 {
			t.Errorf("%s: got %v, %v", spelled, token, err)
		}
	}
}

func TestAnAgentOnLoopbackIsAsked(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(server, agent{answer: granting})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	if token, err := find(t, "tcp://"+listener.Addr().String()); err != nil || token.Subject != workloadID {
		t.Errorf("got %v, %v", token, err)
	}
}

func TestWhatAnAgentMayDoWrong(t *testing.T) {
	type response = *workload.JWTSVIDResponse
	for name, test := range map[string]struct {
		answer func(context.Context, *workload.JWTSVIDRequest) (response, error)
		want   string
	}{
		"it knows no such workload": {func(context.Context, *workload.JWTSVIDRequest) (response, error) {
			return nil, status.Error(codes.PermissionDenied, "no identity issued")
		}, "no identity issued"},
		"it gives none": {func(context.Context, *workload.JWTSVIDRequest) (response, error) {
			return &workload.JWTSVIDResponse{}, nil
		}, "no SVIDs"},
		"it gives one for somebody else": {func(context.Context, *workload.JWTSVIDRequest) (response, error) {
			return &workload.JWTSVIDResponse{Svids: []*workload.JWTSVID{svid(workloadID, "vault")}}, nil
		}, "aud"},
		"it gives what is no token": {func(context.Context, *workload.JWTSVIDRequest) (response, error) {
			return &workload.JWTSVIDResponse{Svids: []*workload.JWTSVID{{SpiffeId: workloadID, Svid: "hello"}}}, nil
		}, "unable to parse JWT token"},
		"it gives too much": {func(context.Context, *workload.JWTSVIDRequest) (response, error) {
			return &workload.JWTSVIDResponse{Svids: []*workload.JWTSVID{{SpiffeId: workloadID, Svid: strings.Repeat("a", 5<<20)}}}, nil
		}, "larger than max"},
		"it stays silent": {func(ctx context.Context, _ *workload.JWTSVIDRequest) (response, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "DeadlineExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, serve(t, test.answer), test.want)
		})
	}
}

func TestWhereNoAgentIs(t *testing.T) {
	for name, test := range map[string]struct{ address, want string }{
		"nobody listens":       {"unix:///nonexistent/api.sock", "no such file"},
		"another machine":      {"tcp://192.0.2.1:8081", "on another machine"},
		"a name":               {"tcp://agent.example.com:8081", "on another machine"},
		"another scheme":       {"https://127.0.0.1/", "does not begin with unix:// or tcp://"},
		"a relative path":      {"unix:api.sock", "opaque"},
		"a host before a path": {"unix://agent/api.sock", "not unix:// and an absolute path"},
		"a word":               {"agent", "does not begin with unix:// or tcp://"},
		"no port":              {"tcp://127.0.0.1", "must include a port"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, test.address, test.want) })
	}
}

func refused(t *testing.T, address, want string) {
	t.Helper()
	began := time.Now()
	token, err := find(t, address)
	known := new(outcome.Error)
	if token.Reveal() != "" || !errors.As(err, &known) || known.Reason != outcome.IdentityTokenUnavailable || !strings.Contains(known.Error(), want) {
		t.Errorf("got %v, %v; want %q", token, err, want)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
