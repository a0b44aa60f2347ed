# The only commands anyone needs. `make run` and `make test` install what is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-poll bench-inventory bench-discover bench-bridge bench-start fuzz fuzz-check mutations web build setup setup-test browser fmt

BIN := target/release/nhipcau
export NHIPCAU_ARTIFACTS ?= $(CURDIR)/artifacts

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

run: setup web build ## install what is missing, build, and start the daemon with its lab
	$(BIN) run --lab

test: setup-test web ## every test: Rust, real parts, web, browsers
	cargo test --workspace --locked --no-fail-fast
	cd daemon/web && npm run --silent check
	$(MAKE) --no-print-directory browser

browser: ## the browser tests alone (the daemon in its lab, real Chromium and Firefox)
	cargo build --locked -p nhipcau-daemon
	cd tests/browser && npm ci --silent --no-audit --no-fund && NHIPCAU_BIN=$(CURDIR)/target/debug/nhipcau node --test --test-concurrency=1

check: setup-test web ## formatting, lints, licences, walls
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	cargo fetch --locked
	cargo deny --offline check bans licenses sources
	cargo test --locked -p nhipcau-tests tidy

bench: bench-poll bench-inventory bench-discover bench-bridge bench-start ## one JSON line a benchmark

bench-poll: setup web build
	@NHIPCAU_BIN=$(CURDIR)/$(BIN) cargo run --quiet --release --locked -p nhipcau-tests --bin bench-poll

bench-inventory: setup-test web build ## what polling and exporting cost, beside snmp_exporter
	@NHIPCAU_BIN=$(CURDIR)/$(BIN) cargo run --quiet --release --locked -p nhipcau-tests --bin bench-inventory
	@NHIPCAU_BIN=$(CURDIR)/$(BIN) cargo run --quiet --release --locked -p nhipcau-tests --bin bench-traps

fuzz: setup ## the fuzz targets, FUZZ_SECONDS each (10 minutes unless given)
	@tests/fuzz/run.sh seconds $${FUZZ_SECONDS:-600}

fuzz-check: setup ## the fuzz targets are built and each runs FUZZ_RUNS inputs (20000 unless given), 20 seconds at most
	@tests/fuzz/run.sh runs $${FUZZ_RUNS:-20000}

mutations: setup ## a million mutated answers through decoder, walk and assembly; NHIPCAU_MUTATIONS says another number
	@NHIPCAU_MUTATIONS=$${NHIPCAU_MUTATIONS:-1000000} cargo test --quiet --release --locked -p nhipcau-wire --test mutated -- --nocapture

bench-discover: setup web build
	@NHIPCAU_BIN=$(CURDIR)/$(BIN) cargo run --quiet --release --locked -p nhipcau-tests --bin bench-discover

bench-bridge: setup web build ## what forwarding costs, beside Janus; conferences, joins and a bad road. ROUNDS, ONLY=forward,janus,viewers,pages,switches,join,road
	@.ci/setup bench
	@NHIPCAU_BIN=$(CURDIR)/$(BIN) cargo run --quiet --release --locked -p nhipcau-tests --bin bench-bridge

bench-start: setup web build
	@cargo run --quiet --release --locked -p nhipcau-tests --bin bench-start -- $(BIN)

web: daemon/web/dist/index.html

daemon/web/dist/index.html: $(shell find daemon/web/src daemon/web/package-lock.json daemon/web/*.json daemon/web/*.mjs -type f 2>/dev/null)
	cd daemon/web && npm ci --silent --no-audit --no-fund && npm run --silent build

build:
	cargo build --release --locked -p nhipcau-daemon

setup: ## packages that building and running need
	@.ci/setup run

setup-test: ## packages that the tests need too
	@.ci/setup test

fmt:
	cargo fmt --all
