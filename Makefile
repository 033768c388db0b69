# Everything needs Go, gcc, make, git, and npm once for the engine. `make` alone lists the targets.

# The embedded ClickHouse. Set LIVELLO_ENGINE to use one that is installed elsewhere.
export LIVELLO_ENGINE ?= $(CURDIR)/engine/libchdb.so
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.DEFAULT_GOAL := help
.PHONY: help engine build demo test lint bench faults dashboards

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

engine: $(LIVELLO_ENGINE) ## fetch the pinned ClickHouse library with npm and check it (once, 178 MB)
$(CURDIR)/engine/libchdb.so: warehouse/embedded/fetch.sh
	warehouse/embedded/fetch.sh

build: ## make bin/livello
	go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/livello ./cmd/livello

demo: engine build ## simulate a company's audience and look at it; ONCE=1 stops after the page
	bin/livello demo $(if $(ONCE),--once) $(DEMOFLAGS)

# The longest packages first, so that no processor waits for them at the end.
test: engine ## run all tests
	go test $(TESTFLAGS) ./trust ./erasure ./...

lint: ## run golangci-lint (built on the first run)
	go tool -modfile=tools/go.mod golangci-lint run

bench: engine build ## every figure of ingest that docs/performance.md names
	go test -run '^$$' -bench . -benchmem $(BENCHFLAGS) ./ingest/event ./ingest/sources/segment ./ingest/dedupe ./ingest/spool
	go test -run '^$$' -bench Kept -benchmem $(BENCHFLAGS) ./ingest
	for what in ratio single fresh long; do go run ./test/bench -what $$what $(E2EFLAGS) || exit 1; done

faults: engine ## kill, tear, fill and freeze the real service for half an hour and more, and count
	LIVELLO_FAULTS=long go test -v -count=1 -timeout 120m ./test/faults

dashboards: ## write the Grafana boards' JSON
	go run ./cmd/livello dashboards
