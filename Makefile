# make demo   sets up and shows the main job on this machine
# make test   sets up and passes every test
# make bench  measures speed and memory, beside biboumi: an hour; RECORD=1 puts
#             what it finds into README.md
# make build  makes bin/gatehouse

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
PACKAGES = ./...
# Without what only debuggers read: a quarter of the program.
RELEASE = -trimpath -ldflags=-w
FUZZTIME ?= 10m
ROUNDS ?= 200
RUNS ?= 5

# What the tests and the demo need of Debian and npm.
DEMO_NEEDS = build prosody inspircd
BENCH_NEEDS = build inspircd biboumi sqlite prosody ejabberd
TEST_NEEDS = $(DEMO_NEEDS) ngircd ejabberd ii emulate expat atheme biboumi converse chromium kannel smpp prism gammu privilege radicale

.PHONY: go build demo bench test check unit soak fuzz install clean

build demo bench install check unit: go
go:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or newer is needed, and is not in the PATH: https://go.dev/dl/ has it" >&2; exit 1; }

build:
	@scripts/install build
	$(GO) build $(RELEASE) -o bin/gatehouse ./cmd/gatehouse

# ONCE=1 stops after the self-check, with its exit status.
demo:
	@scripts/install $(DEMO_NEEDS)
	@$(GO) build -o bin/ ./cmd/gatehouse ./cmd/gatehouse-demo
	@bin/gatehouse-demo $(if $(ONCE),-once)

# RUNS=n gives the medians of n runs.
bench:
	@scripts/install $(BENCH_NEEDS)
	@$(GO) build $(RELEASE) -o bin/ ./cmd/gatehouse ./cmd/gatehouse-bench
	@bin/gatehouse-bench -runs $(RUNS) $(if $(RECORD),-record README.md)
	@bin/gatehouse-bench -plot $(if $(RECORD),cmd/gatehouse-bench,bin)/growth.svg

install:
	@scripts/install $(TEST_NEEDS)

test: install check unit

# What can be seen without running anything.
check:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change:" $$unformatted; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) run $(STATICCHECK) $(PACKAGES)

# The scenarios build the program themselves, so no result may come from the
# cache; they mostly wait for their servers, so more run at a time than there are cores.
unit:
	GATEWAY_E2E=require $(GO) test -race -count 1 -parallel 4 -timeout 12m $(PACKAGES)
	$(GO) test -tags expat ./component/wire/...

# The long runs. Each has a short version among the tests.
soak: install
	GATEWAY_E2E=require SOAK_ROUNDS=$(ROUNDS) $(GO) test -timeout 3h -count 1 -parallel 1 -v -run 'Soak' ./gateway/e2e

fuzz: install
	GO=$(GO) FUZZTIME=$(FUZZTIME) scripts/fuzz

clean:
	rm -rf bin demo-data
