# make run    installs what is missing, builds, starts connd on its built-in defaults, and says how to see it work
# make test   the same for the tests, and runs all of them
# make bench  connd beside nginx, HAProxy, Squid and others; BENCH=--quick for a short one
# make fuzz   every fuzz target for FUZZ_SECONDS (1200)
# make format / make lint

SWIFT ?= swift
FUZZ_SECONDS ?= 1200
BENCH ?=
RELEASE := .build/release/connd
# A crash ends a run at once; the backtracer may hang where it cannot trace.
export SWIFT_BACKTRACE ?= enable=no

.PHONY: run test test-pure build bench fuzz format lint packages-run packages-test packages-bench

run: packages-run build
	@.ci/try $(RELEASE)

build: packages-run
	$(SWIFT) build -c release --product connd
	$(SWIFT) build -c release --product connctl

test: packages-test lint build
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --skip EndToEndTests
	CONND_RELEASE=$(CURDIR)/$(RELEASE) $(SWIFT) test --skip-build --filter EndToEndTests

# The sets that need no socket.
test-pure: packages-test
	$(SWIFT) test --filter '^(ProxyTypes|HTTPWire|Pooling|Tuning|Metering|ConfigurationFile)Tests'

bench: packages-bench build
	CONND=$(CURDIR)/$(RELEASE) Tests/Benchmarks/run $(BENCH)

fuzz:
	.ci/fuzz $(FUZZ_SECONDS)

format:
	$(SWIFT) format format --in-place --parallel --recursive --configuration .swift-format Package.swift Sources Tests

lint:
	$(SWIFT) format lint --strict --parallel --recursive --configuration .swift-format Package.swift Sources Tests

packages-run packages-test packages-bench: packages-%:
	@.ci/install-packages $*
