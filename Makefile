# make run           installs what is missing, builds, starts connd with its defaults, and prints how to try it
# make build         builds connd and connctl
# make test          installs what the tests need, builds them and runs all of them
# make test-pure     only the sets that need no socket
# make test-service  the package under a real systemd, in namespaces of its own
# make deb           a Debian package in .build/deb
# make install       without a package, as root after make build: PREFIX=/usr/local DESTDIR=; make uninstall
# make bench         connd beside nginx, HAProxy, Squid and others; BENCH=--quick: a short run
# make simulate      the data path in a simulated network: SEEDS=20000, SEEDS=100..200 or MINUTES=60; FAULTS=1 plants
#                    faults one at a time and prints how soon each is found
# make fuzz          every fuzz target for FUZZ_SECONDS (1200)
# make sanitize      the data path's tests, the simulation and the end-to-end tests under AddressSanitizer, then under
#                    ThreadSanitizer
# make format        formats the code; make lint checks the format

SWIFT ?= swift
FUZZ_SECONDS ?= 1200
BENCH ?=
RELEASE := .build/release/connd
PREFIX ?= /usr/local
DESTDIR ?=
# The Swift runtime is part of the programs: they run where there is no Swift.
RELEASE_BUILD := $(SWIFT) build -c release --static-swift-stdlib -Xlinker -z -Xlinker now --product
# A crash ends a run immediately; Swift's backtracer may hang where it may not trace.
export SWIFT_BACKTRACE ?= enable=no

.PHONY: run test test-pure test-service build deb install uninstall simulate bench fuzz sanitize format lint \
	packages-run packages-test packages-bench packages-deb

run: packages-run build
	@.ci/try $(RELEASE)

build: packages-run
	@[ -e $(RELEASE) ] || .ci/first-build
	$(RELEASE_BUILD) connd
	$(RELEASE_BUILD) connctl

deb: build packages-deb
	@rm -f .build/deb/*.deb
	deploy/debian/build --binaries .build/release --output .build/deb

install:
	PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) deploy/install

uninstall:
	PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) deploy/install --uninstall

# The learner's simulations run alone: beside them tests that wait for an answer would starve on a busy machine.
test: packages-test lint test-service
	$(SWIFT) build --build-tests
	SWIFT=$(SWIFT) .ci/run-tests --filter '^LearningTests'
	SWIFT=$(SWIFT) .ci/run-tests --skip EndToEndTests --skip '^LearningTests'
	SWIFT=$(SWIFT) CONND_RELEASE=$(CURDIR)/$(RELEASE) .ci/run-tests --filter EndToEndTests

test-service: packages-test deb
	lintian --fail-on error,warning .build/deb/connd_*.deb
	Tests/Service/run .build/deb/connd_*.deb

test-pure: packages-test
	$(SWIFT) test --filter '^(ProxyTypes|HTTPWire|Pooling|Learning|Diagnosis|Tuning|Metering|ConfigurationFile)Tests'

simulate: packages-run
ifdef FAULTS
	$(SWIFT) build -c release --product simulate --scratch-path .build/faults -Xswiftc -DCONND_PLANTED_FAULTS
	.build/faults/release/simulate --faults
else
	$(SWIFT) build -c release --product simulate
	.build/release/simulate $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEEDS),--seeds $(SEEDS))
endif

bench: packages-bench build
	CONND=$(CURDIR)/$(RELEASE) Tests/Benchmarks/run $(BENCH)

fuzz:
	.ci/fuzz $(FUZZ_SECONDS)

# Checks what the compiler does not: unowned(unsafe), and exclusive access in release builds.
sanitize: packages-test
	.ci/sanitize address
	.ci/sanitize thread

format:
	$(SWIFT) format format --in-place --parallel --recursive --configuration .swift-format Package.swift Sources Tests

lint:
	$(SWIFT) format lint --strict --parallel --recursive --configuration .swift-format Package.swift Sources Tests

packages-run packages-test packages-bench packages-deb: packages-%:
	@.ci/install-packages $*
