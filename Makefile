# Targets for people and for CI alike; `make` lists them.
GO      ?= go

# Tools, pinned here and nowhere else. They are built by `go run` and cached by Go.
GOLANGCI := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT  := $(GO) run mvdan.cc/gofumpt@v0.12.0

# The provider SDKs take minutes and about 5 GB of memory to compile the first time. Two of
# them at once are too much for a small machine, so packages that link them build one by one.
SDK_PACKAGES := ./sources/graph/sdk/... ./sources/okta/sdk/... ./cmd/...

.DEFAULT_GOAL := help
.PHONY: help demo build test test-light test-prometheus race lint fmt generate verify bench bench-small soak fuzz clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## run the whole system on this machine with made-up people
	bin/idpbridge demo

build: ## build bin/idpbridge
	$(GO) build -ldflags '-s -w' -o bin/idpbridge ./cmd/idpbridge

test: ## run all tests; real SCIM servers are installed from npm
	@command -v node >/dev/null || echo "NOT RUN: the tests against real SCIM servers, because Node.js (20 or later) is not installed"
	$(GO) build -p 1 $(SDK_PACKAGES)
	$(GO) test -p 2 -timeout 40m ./...

test-light: ## run the tests that need neither the SDKs nor Node.js
	$(GO) test -short $$($(GO) list ./... | grep -v -e /sdk -e /cmd/ -e /npm)

test-prometheus: ## see the alerts fire and clear in a real Prometheus, which Debian's package brings
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  apt-get update -q && apt-get install -y -q --no-install-recommends prometheus; } >&2 || true
	@if command -v promtool >/dev/null && command -v prometheus >/dev/null; then \
	  $(GO) test -tags prometheus -timeout 15m ./cmd/internal/deploytest; \
	else echo "NOT RUN: the tests against a real Prometheus: install Debian's package prometheus, as root"; fi

race: ## run the tests of everything concurrent with the race detector
	$(GO) test -race -short -timeout 40m ./sync/... ./quarantine/... ./sources/sourcetest/... ./sources/file/... ./sinks/scim/...

lint: ## check style, imports between packages, and formatting
	$(GOLANGCI) run ./...
	@out=$$($(GOFUMPT) -l .); test -z "$$out" || { echo "not gofumpt'ed:"; echo "$$out"; exit 1; }

fmt: ## format all code
	$(GOFUMPT) -w .

generate: ## write the generated references in docs/ anew
	$(GO) test ./config ./sync/mapping ./sync/provlog -run 'Page|Reference|Docs|Markdown' -update
	$(GO) test ./cmd/internal/api ./cmd/internal/deploytest -run 'Document|MetricsPage' -update

verify: generate ## check that generated files are committed
	git diff --exit-code

N      ?= 100000
CYCLES ?= 2000
PEOPLE ?= 20000

bench: ## measure everything with N users (and 10 N), and write docs/performance.md
	@mkdir -p bin
	$(GO) build -o bin/bench ./cmd/internal/bench/cmd/bench
	bin/bench -n $(N) -docs docs

bench-small: ## the same at a small size that proves only that it works, and Go's benchmarks once
	$(GO) test ./cmd/internal/bench/ -count 1 -run 'TestSmall|TestSoak'
	$(GO) test -run '^$$' -bench . -benchtime 1x ./sync/mapping ./sync/plan ./sync/state ./sources/graph

soak: ## run CYCLES cycles over PEOPLE users with changes and faults; fails when anything grows
	@mkdir -p bin
	$(GO) build -o bin/soak ./cmd/internal/bench/cmd/soak
	bin/soak -people $(PEOPLE) -cycles $(CYCLES)

fuzz: ## run every fuzz target for a short time each
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime 20s || exit 1; \
	  done; done

clean: ## remove what was built
	rm -rf bin
