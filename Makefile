# Aliases. Everything works without make: the commands are here to be read.
.PHONY: build demo test lint generate tekton-objects image e2e docker tekton bench

build:
	go build -o bin/stepseal ./cmd/stepseal

demo:
	go run ./cmd/stepseal demo

test:
	go test ./...

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	"$$(test/tools/build staticcheck)/staticcheck" ./...

generate:
	go generate ./...

# The Pods that Tekton's own controller makes of the Tasks, and what Tekton Chains makes of their results.
tekton-objects:
	cd test/reconciler && go test ./...
	cd test/chains && go test ./...

# bin/image/layout (OCI), bin/image/stepseal-image.tar (the same as one file) and bin/image/root.tar (for the Dockerfile).
image:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/image/stepseal ./cmd/stepseal
	cd test && go run ./mkimage -binary ../bin/image/stepseal -to ../bin/image

# The two below need root, mmdebstrap, npm, iproute2 and GNU time; .ci/run installs them.
e2e:
	test/e2e/run

# With Docker's daemon, which it starts itself (docker.io).
docker:
	test/docker/run

# On a Kubernetes and a Tekton of their own, which it builds once: about fifteen minutes of two processors, and 0.5 GB.
tekton:
	test/tekton/run

bench:
	bench/run
