// Command trillian is a Trillian log server that keeps its trees in memory, with the signer that sequences them in the same
// process. The servers that Trillian publishes want a database; its storage for memory has no command.
//
//	trillian -listen 127.0.0.1:8090
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"github.com/google/trillian/util/election"
	"github.com/google/trillian/util/election2"
	"google.golang.org/grpc"

	sequencer "github.com/google/trillian/log"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "where to serve gRPC")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen); err != nil {
		log.Fatalf("trillian: %v", err)
	}
}

func serve(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage:    memory.NewAdminStorage(trees),
		LogStorage:      memory.NewLogStorage(trees, monitoring.InertMetricFactory{}),
		QuotaManager:    quota.Noop(),
		MetricFactory:   monitoring.InertMetricFactory{},
		ElectionFactory: election2.NoopFactory{},
	}
	go sequence(ctx, registry)

	treeInfo := interceptor.New(registry.AdminStorage, registry.QuotaManager, false, registry.MetricFactory)
	rpc := grpc.NewServer(grpc.ChainUnaryInterceptor(interceptor.ErrorWrapper, treeInfo.UnaryInterceptor))
	trillian.RegisterTrillianLogServer(rpc, server.NewTrillianLogRPCServer(registry, clock.System))
	trillian.RegisterTrillianAdminServer(rpc, admin.New(registry, []trillian.TreeType{trillian.TreeType_LOG}))
	go func() {
		<-ctx.Done()
		rpc.Stop()
	}()
	return rpc.Serve(listener)
}

// sequence takes waiting entries into the trees. Who signs waits for it, so it is done often.
func sequence(ctx context.Context, registry extension.Registry) {
	sequencer.NewOperationManager(sequencer.OperationInfo{
		Registry:    registry,
		BatchSize:   100,
		NumWorkers:  2,
		RunInterval: 20 * time.Millisecond,
		TimeSource:  clock.System,
		// There is nobody to lose an election to, but the manager holds one.
		ElectionConfig: election.RunnerConfig{MasterHoldInterval: time.Hour, MasterHoldJitter: time.Second, TimeSource: clock.System},
	}, sequencer.NewSequencerManager(registry, 0)).OperationLoop(ctx)
}
