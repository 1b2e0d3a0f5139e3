# Aliases. Everything works without make: the commands are here to be read.
.PHONY: build demo test hostile lint generate mutants reports kyverno tekton-objects image push e2e sigstore airgap docker actions tekton private-sigstore bench

build:
	go build -o bin/stepseal ./cmd/stepseal

demo:
	go run ./cmd/stepseal demo

test:
	go test ./...

# Images and SBOMs of nobody's making, each by a process of its own that has a minute: with nothing else running.
hostile:
	go test -tags hostile -run 'Hostile|Strange|Token|Large' ./cmd/stepseal

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

# linux/amd64 and linux/arm64: bin/image/layout (OCI), bin/image/stepseal-image.tar (the same as one file) and
# bin/image/linux-ARCH/root.tar (for the Dockerfile). The same tree gives the same digest, which is printed.
image:
	@test/mkimage/build bin/image

# make push IMAGE=registry.example.com/team/stepseal:dev pushes that with the login of Docker's configuration, and prints
# name:tag@sha256:... on standard output. Without a tag it pushes by digest alone.
push:
	@test -n "$$IMAGE" || { echo "say where to: make push IMAGE=registry.example.com/team/stepseal:dev" >&2; exit 1; }
	@test/mkimage/build bin/image >&2
	@cd test && go run ./mkimage -push "$$IMAGE" -layout ../bin/image/layout
push: export IMAGE := $(IMAGE)

# Other people's judges of the reports: SARIF Multitool (npm) and a browser (chromium).
reports:
	test/sarif/run
	test/html/run

# Kyverno and policy-controller judge the admission policies that are rendered. Their command lines are built once: twenty
# minutes of a processor.
kyverno:
	test/kyverno/run

# Takes each rule of the gate and each check of the verification away in turn: exactly its tests must fail.
mutants:
	test/mutants/run

# The two below need root, mmdebstrap, npm, iproute2 and GNU time; .ci/run installs them.
e2e:
	test/e2e/run

# Keyless signing on a private Sigstore, which it builds once (about ten minutes of two processors) and starts itself, in a
# network of its own. `test/sigstore/run -up` is a shell beside one.
sigstore:
	test/sigstore/run

# docs/air-gap.md, with one side in a network of its own (strace).
airgap:
	test/airgap/run

# With Docker's daemon, which it starts itself (docker.io).
docker:
	test/docker/run

# The example workflows, by act, beside the same Sigstore.
actions:
	test/actions/run

# On a Kubernetes and a Tekton of their own, which it builds once: about fifteen minutes of two processors, and 0.5 GB.
tekton:
	test/tekton/run

# The manifests of examples/private-sigstore, on that Kubernetes.
private-sigstore:
	test/tekton/run -test.run PrivateSigstore

bench:
	bench/run
