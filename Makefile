# SPDX-License-Identifier: Apache-2.0
# The short way in; the build itself is Meson's (meson.build).
BUILD ?= build
prefix ?= /usr
DESTDIR ?=

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup -Dprefix=$(prefix) $(BUILD)

deps: # what is missing to build and to test, through apt where there is apt
	@tools/deps.sh build test

run: # a monitor of this machine, and a live view of it; Ctrl-C ends both
	@tools/deps.sh build
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) tools/run.sh

test: # everything that can be tested here; the last line sums up
	@tools/deps.sh build test
	@tools/test-all.sh

test-full: # the same and every fault, long storms, fuzzers for a minute each, a soak of an hour (SOAK_SECONDS)
	@tools/deps.sh build test
	@TIER=full tools/test-all.sh

# Optimised as an installation is, in a build directory of its own, so that neither rebuilds the other.
bench: # figures against peers and limits: make bench [BENCH="policies log"] [BENCHFLAGS=-q]
	@tools/deps.sh build bench
	@[ -e build-bench/build.ninja ] || meson setup -Dbench=true -Dtests=disabled build-bench
	@ninja -C build-bench >build-bench/said || { cat build-bench/said; exit 1; }
	@bench/run $(BENCHFLAGS) $(BENCH)

demo: # two gateways, faults, and the monitor seeing them
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory all
	@LAB_BUILD=$(abspath $(BUILD)) lab/run demo

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

format:
	@tools/format.sh write

clean:
	rm -rf $(BUILD) build-clang build-test build-bench

.PHONY: all deps run test test-full bench demo install format clean
