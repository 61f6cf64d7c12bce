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

demo: # two gateways, faults, and the monitor seeing them
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory all
	@LAB_BUILD=$(abspath $(BUILD)) lab/run demo

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

format:
	@tools/format.sh write

clean:
	rm -rf $(BUILD) build-clang build-test

.PHONY: all deps run test demo install format clean
