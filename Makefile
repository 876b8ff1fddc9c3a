# make up: start the exchange · make test: everything that CI checks · make help: the rest

DATA ?= data
CARGO ?= cargo
# exchange-core's recorded stream, for the benches, and where they leave their rows.
STREAM ?= ../shared/data/ec_singlepair_seed1.bin.zst
ROWS := target/bench/rows.jsonl
# A large state in large pages: random loads from it then miss fewer translations.
HUGE_PAGES := MIMALLOC_ALLOW_LARGE_OS_PAGES=1
# Starts a server for one command and ends it; `make deps` installs the servers.
BESIDE = $(CARGO) run --locked --quiet --package allin-testing --example beside --
# Programs that the tests use; `make deps` installs what is missing. Servers are looked for by a program of theirs: tests start
# them by themselves, at addresses of their own, and end them.
APT_PACKAGES := strace mariadb-server postgresql etcd-server redis-server openjdk-17-jre-headless maven util-linux
IS_THERE_mariadb-server := ls /usr/sbin/mariadbd || command -v mariadbd
IS_THERE_postgresql := ls /usr/lib/postgresql/*/bin/initdb || command -v initdb
IS_THERE_etcd-server := command -v etcd
IS_THERE_redis-server := command -v redis-server || command -v valkey-server
IS_THERE_openjdk-17-jre-headless := command -v java
IS_THERE_maven := command -v mvn
IS_THERE_util-linux := command -v setpriv
CARGO_DENY_VERSION := 0.20.2
# Trading clients that the tests point at the exchange, each with an environment of its own.
CLIENTS := ccxt python-binance binance-connector
# What checks deploy/: schemas of Kubernetes and compose, kustomize, a linter for the Dockerfile, a parser for Terraform's files.
CHECKERS := deploy

.PHONY: help build up test lint fmt generate bench bench-exchange-core failover fuzz clean deps

help:
	@echo "build  target/release/allin"
	@echo "up     build and start the exchange in DATA=$(DATA)"
	@echo "test   lint, then every test"
	@echo "lint   formatting, clippy, licences"
	@echo "fmt    format the sources"
	@echo "generate  write every file that follows from topology.yaml: SERVICES.md, deploy/"
	@echo "bench  build and measure, each as a ratio; bench-exchange-core adds that engine (Java 17, Maven)"
	@echo "deps   install what tests and lint need (Debian: $(APT_PACKAGES), etcd, Redis, Java 17, Maven, python3-venv; Kafka;"
	@echo "       cargo-deny; PyPI: $(CLIENTS), checkers of deploy/)"
	@echo "fuzz   run each of fuzz/ for FUZZ_SECONDS=$(FUZZ_SECONDS) (nightly Rust)"
	@echo "failover  kill leaders KILLS=$(KILLS) times under load, 99 % serve again in $(SERVES_AGAIN_MS) ms"
	@echo "clean  remove what was built; never touches DATA"

build:
	$(CARGO) build --locked --release --package allin

up: build
	./target/release/allin up --data $(DATA)

# Installs what is missing, checks, and runs every test. Those of the fail-over and those under load one by one at the end: their leases
# are seconds, and their rates are asserted, which a process must be given in time by a machine that runs all that it stands on beside it.
test: deps lint
	$(CARGO) test --locked --workspace --no-fail-fast -- --skip failover:: --skip loaded::
	ALLIN_FAILOVER_P99_MS=$(SERVES_AGAIN_MS) $(CARGO) test --locked --package allin --test it -- --test-threads=1 failover:: loaded::

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

generate:
	$(CARGO) run --locked --quiet --package allin -- topology --write

# About ten minutes, on a machine that does nothing else. Files are written into target/bench.
bench: build
	@mkdir -p $(dir $(ROWS)) && rm -f $(ROWS)
	./target/release/allin bench core --stream $(STREAM) --rows $(ROWS)
	$(CARGO) run --locked --release --quiet --manifest-path benches/Cargo.toml -- --stream $(STREAM) --rows $(ROWS)
	$(HUGE_PAGES) ./target/release/allin bench markets --rows $(ROWS)
	$(HUGE_PAGES) ./target/release/allin bench snapshot --dir target/bench --rows $(ROWS)
	./target/release/allin bench durable --stream $(STREAM) --dir target/bench --rows $(ROWS)
	./target/release/allin bench http --dir target/bench --rows $(ROWS)
	./target/release/allin bench rest --dir target/bench --rows $(ROWS)
	./target/release/allin bench wsapi --dir target/bench --rows $(ROWS)
	./target/release/allin bench depth --dir target/bench --rows $(ROWS)
	./target/release/allin bench fanout --dir target/bench --rows $(ROWS)
	$(BESIDE) kafka ./target/release/allin bench kafka --brokers {} --stream $(STREAM) --dir target/bench --rows $(ROWS)
	$(BESIDE) mariadb ./target/release/allin bench history --store {} --dir target/bench --rows $(ROWS)
	$(BESIDE) postgres ./target/release/allin bench history --store {} --dir target/bench --rows $(ROWS)
	@echo; ./target/release/allin bench table $(ROWS)

# ALLIN and exchange-core in turn, in one run.
bench-exchange-core:
	mvn --quiet --file benches/exchange-core/pom.xml dependency:copy-dependencies -DoutputDirectory=target/lib
	mkdir -p benches/exchange-core/target/classes
	javac -cp 'benches/exchange-core/target/lib/*' -d benches/exchange-core/target/classes benches/exchange-core/src/Inline.java
	$(CARGO) run --locked --release --quiet --manifest-path benches/Cargo.toml -- --stream $(STREAM) --only-exchange-core \
		--exchange-core 'benches/exchange-core/target/lib/*:benches/exchange-core/target/classes'

# A night's worth, on a machine that does nothing else; `make test` kills 20, in a debug build, and asserts the same.
KILLS ?= 1000
SERVES_AGAIN_MS ?= 5000
failover: deps
	ALLIN_FAILOVER_KILLS=$(KILLS) ALLIN_FAILOVER_P99_MS=$(SERVES_AGAIN_MS) \
		$(CARGO) test --locked --release --package allin --test it -- --nocapture failover::kills::killed

# Coverage-guided, each target for so long; what is found stays in fuzz/artifacts, what was learned in fuzz/corpus. Wants the
# nightly compiler, and cargo-fuzz, which it installs.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := command record snapshot twin
fuzz:
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked
	@cd fuzz && for target in $(FUZZ_TARGETS); do \
		$(CARGO) +nightly fuzz run -s none $$target -- -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 || exit 1; \
	done

clean:
	$(CARGO) clean

deps:
	@missing=""; \
	$(foreach package,$(APT_PACKAGES),{ $(or $(IS_THERE_$(package)),command -v $(package)); } >/dev/null 2>&1 || missing="$$missing $(package)";) \
	python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -n "$$missing" ]; then \
		command -v apt-get >/dev/null || { echo "install by hand:$$missing"; exit 1; }; \
		sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update && $$sudo apt-get install --yes --no-install-recommends $$missing; \
	fi
	@if ! cmp --silent tests/kafka/pom.xml target/kafka/pom.xml; then \
		rm -rf target/kafka && mvn --quiet --batch-mode --file tests/kafka/pom.xml dependency:copy-dependencies \
			-DoutputDirectory=$(CURDIR)/target/kafka && cp tests/kafka/pom.xml target/kafka/pom.xml || exit 1; \
	fi
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked --version $(CARGO_DENY_VERSION) \
		|| echo "cargo-deny could not be installed; a test checks the licences all the same"
	@for client in $(CLIENTS) $(CHECKERS); do \
		list=$$(echo tests/*/requirements-$$client.txt); folder=target/clients/$$client; \
		if ! cmp --silent $$list $$folder/installed.txt; then \
			python3 -m venv --clear $$folder && $$folder/bin/pip install --quiet --requirement $$list \
				&& cp $$list $$folder/installed.txt || exit 1; \
		fi; \
	done
