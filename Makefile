# make up: start the exchange · make test: everything that CI checks · make help: the rest

DATA ?= data
CARGO ?= cargo
# Programs that the tests use; `make deps` installs what is missing.
APT_PACKAGES := strace
CARGO_DENY_VERSION := 0.20.2

.PHONY: help build up test lint fmt bench clean deps

help:
	@echo "build  target/release/allin"
	@echo "up     build and start the exchange in DATA=$(DATA)"
	@echo "test   lint, then every test"
	@echo "lint   formatting, clippy, licences"
	@echo "fmt    format the sources"
	@echo "bench  build and measure, each as a ratio"
	@echo "deps   install what tests and lint need (Debian: $(APT_PACKAGES); cargo-deny)"
	@echo "clean  remove what was built; never touches DATA"

build:
	$(CARGO) build --locked --release --package allin

up: build
	./target/release/allin up --data $(DATA)

test: lint
	$(CARGO) test --locked --workspace

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then \
		$(CARGO) deny --locked check licenses bans sources; \
	else \
		echo "cargo-deny is not installed (make deps); a test checks the licences all the same"; \
	fi

fmt:
	$(CARGO) fmt --all

bench: build
	./target/release/allin bench

clean:
	$(CARGO) clean

deps:
	@missing=""; \
	for package in $(APT_PACKAGES); do command -v $$package >/dev/null || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
		command -v apt-get >/dev/null || { echo "install by hand:$$missing"; exit 1; }; \
		sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update && $$sudo apt-get install --yes --no-install-recommends $$missing; \
	fi
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked --version $(CARGO_DENY_VERSION) \
		|| echo "cargo-deny could not be installed; a test checks the licences all the same"
