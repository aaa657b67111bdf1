# The two commands: make run, make test. Everything else serves them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export CFLAGS ?= -O2 -g -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-unused-function -Wno-missing-field-initializers
export LDFLAGS ?=

# What the native core is made of; a second make builds nothing when none of it has changed.
NATIVE := $(shell find filterd -name '*.pyx' -o -name '*.pxd')
INSTALLED := $(VENV)/installed
BUILT := build/built
BUILD_FOLDERS := DIST_EXTRA_CONFIG=.ci/build.cfg

.NOTPARALLEL:

.PHONY: help
help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

.PHONY: run
run: ports $(INSTALLED) $(BUILT)  ## start everything on 127.0.0.1:5300 with three demonstration lines; Ctrl-C stops it
	@exec $(BIN)/python -m filterd.cli.demonstration

# Three rings of tests (docs/testing.md). A run that names files or folders takes all that they hold.
# Test processes: one more than processors; the ring merge, whose tests wait, has twice as many as processors.
PROCESSES := $$(($$(nproc) + 1))
.PHONY: test
test: $(INSTALLED) $(BUILT)  ## the tests of every commit, in minutes (PYTEST="-k name" picks some, PYTEST="-n 0 tests/e2e" runs a folder in one process)
	$(BIN)/python -m pytest -n "$(PROCESSES)" --ring commit $(PYTEST)

.PHONY: merge
merge: $(INSTALLED) $(BUILT)  ## the tests that .ci/run adds: whole installations, pages in a browser, in Spanish
	$(BIN)/python -m pytest -n "$$((2 * $$(nproc)))" --ring merge $(PYTEST)

.PHONY: night
night: $(INSTALLED) $(BUILT)  ## all that make test leaves out, and all again with other seeds: hours (NIGHT="--slice NAME", NIGHT=--list); build/night/report.md
	@$(BIN)/python -m tests.night $(NIGHT)

# DURATIONS: what is measured; by itself the whole suite.
DURATIONS ?=
.PHONY: durations
durations: $(INSTALLED) $(BUILT)  ## run all tests and say where the time goes: build/durations.tsv, sums by folder and kind (DURATIONS="--ring commit")
	$(BIN)/python -m pytest -n "$(PROCESSES)" --durations-file=build/durations.tsv $(DURATIONS)

.PHONY: machine
machine: $(INSTALLED) $(BUILT)  ## the package on a booted Debian 13, alone on this machine: losses at 2,000 queries/s (takes root, some minutes)
	$(BIN)/python -m pytest -n 0 tests/machine $(PYTEST)

.PHONY: year
year: $(INSTALLED) $(BUILT)  ## play a year of a provider, with its reports and an evidence pack (YEAR="--short FOLDER" for the short form)
	$(BIN)/python -m tests.worlds.year $(YEAR)

.PHONY: lint
lint: $(INSTALLED) $(BUILT)  ## ruff, mypy, cython-lint, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint filterd
	$(BIN)/lint-imports

.PHONY: smells
smells: $(INSTALLED)  ## report long modules and functions, small modules with one importer, docstrings that begin with a question word; nothing fails
	@$(BIN)/python -m tests.meta.smells

# What an earlier build left in build/lib would be packed as well.
.PHONY: wheel
wheel: $(INSTALLED) $(BUILT)  ## pack filterd in dist/, for a machine with the same Python
	rm -rf dist build/lib* build/bdist*
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

# With Debian's own Python: packaging/deb names the packages that it needs.
.PHONY: deb wheels image sbom release lock
deb:  ## build the Debian package in dist/
	@packaging/deb

# WHEELS: interpreters, by name or path; one that is not there is named and left out.
WHEELS ?= python3.11 python3.13 python3.14
wheels:  ## build wheels for several versions of Python in dist/ (WHEELS="python3.13")
	@for python in $(WHEELS); do \
	    command -v $$python >/dev/null || { echo "$$python is not installed: no wheel for it"; continue; }; \
	    packaging/wheel $$python dist || exit 1; done; ls dist/*.whl

image:  ## build an OCI image of the Debian package with buildah (BASE="registry/debian:trixie-slim")
	@packaging/image

sbom:  ## write the bill of materials of the runtime (CycloneDX) to dist/sbom.cdx.json
	@packaging/sbom dist/sbom.cdx.json && echo dist/sbom.cdx.json

release:  ## set VERSION everywhere and collect docs/changelog.d, after a green night (make release VERSION=0.2.0)
	@$(PYTHON) -m tests.night --check
	@$(PYTHON) packaging/release.py $(VERSION)

lock:  ## make the three locks anew from pyproject.toml (needs uv)
	@packaging/lock

# Other flags in a folder of their own: the normal build stays as it is, and lends the C that Cython made.
.PHONY: sanitize sanitize-threads
sanitize: $(INSTALLED) $(BUILT)  ## drive the native core under ASan and UBSan (PYTEST picks tests)
	@VENV="$(abspath $(VENV))" .ci/sanitize address

sanitize-threads: $(INSTALLED) $(BUILT)  ## drive what threads share from many of them under TSan
	@VENV="$(abspath $(VENV))" .ci/sanitize thread

# Whole runs only: with PYTEST the digest of what was tried is not written.
.PHONY: sanitized
sanitized: sanitize sanitize-threads  ## both of them; when both pass, .ci/run leaves them out until native code, flags or compiler change
	@if [ -z "$(PYTEST)" ]; then .ci/native-digest >build/sanitized && mv build/sanitized .ci/sanitized; fi

# The suite makes 4 for each call, always the same; here API_SEED is another one each time.
API_EXAMPLES ?= 300
.PHONY: api-examples
api-examples: $(INSTALLED) $(BUILT)  ## let schemathesis try the API with many requests (API_EXAMPLES=300 API_SEED=7 for each call)
	API_EXAMPLES=$(API_EXAMPLES) API_SEED=$${API_SEED:-$$(date +%s)} $(BIN)/python -m pytest -n 0 -s --timeout 4000 -o reruns=0 tests/e2e/test_api_schemathesis.py

# Each target for FUZZ_SECONDS (60), in a build of its own; says which package is missing where clang is.
.PHONY: fuzz
fuzz: $(INSTALLED) $(BUILT)  ## fuzz the native core with libFuzzer (FUZZ_SECONDS=600 FUZZ_TARGETS="packet")
	@VENV="$(abspath $(VENV))" .ci/fuzz $(FUZZ_TARGETS)

.PHONY: build
build: $(BIN)/python flags  ## compile the native core in place
	@$(BIN)/python -c "import setuptools, Cython" 2>/dev/null || $(MAKE) --no-print-directory $(INSTALLED)
	@$(MAKE) --no-print-directory $(BUILT)

.PHONY: clean
clean:  ## remove what was built (the environment in .venv too)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find filterd \( -name '*.so' -o -name '*.c' \) -delete
	find filterd tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: ports
ports:
	@.ci/preflight ports

$(BIN)/python:
	@PYTHON=$(PYTHON) .ci/preflight tools
	$(PYTHON) -m venv $(VENV)

# An environment made by another tool may have no pip: ensurepip brings it. The editable installation takes the native
# core as it was built just before (DIST_EXTRA_CONFIG): nothing is compiled twice.
$(INSTALLED): requirements.lock pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(MAKE) --no-print-directory $(BUILT)
	$(BUILD_FOLDERS) $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Other flags are another build: build/flags changes only when they do.
.PHONY: flags
build/flags: flags ;
flags:
	@mkdir -p build
	@printf '%s\n' '$(CFLAGS)' '$(LDFLAGS)' | cmp -s - build/flags 2>/dev/null || { \
	    printf '%s\n' '$(CFLAGS)' '$(LDFLAGS)' >build/flags; rm -f $(BUILT); \
	    find filterd -name '*.so' -delete; rm -rf build/native build/objects; }

# Cython only prints a "performance hint" where a nogil function would take the GIL on every call, and it prints
# it once: with the .c files gone it is printed, and fails the build, until it is mended. What a build printed that
# did not come to its end is kept for the next one (build/begun): tests/meta/test_native.py believes build/built.
$(BUILT): $(NATIVE) pyproject.toml build/flags | $(BIN)/python
	@mkdir -p build
	@echo "building the native core (build/native.log)"
	@[ -e build/begun ] || : >build/native.log
	@touch build/begun
	@$(BUILD_FOLDERS) $(BIN)/python -c "from setuptools import setup; setup()" build_ext --inplace -j"$$(nproc)" >>build/native.log 2>&1 \
	    || { tail -40 build/native.log >&2; exit 1; }
	@! grep -n -A6 "performance hint" build/native.log || { find filterd -name '*.c' -delete; rm build/begun; exit 1; }
	@rm build/begun
	@touch $@

# From list texts to blocked answers, 5 and 10 million names; the real ones are skipped where their folder is absent.
SCALE ?= ../shared/data/domains
CHANGES ?=
PAGES ?=
ORDERS ?=
.PHONY: scale
scale: $(INSTALLED) $(BUILT)  ## 5 and 10 million names from lists to blocked answers: time, memory of every process, snapshot, resolver
	@$(BIN)/python benchmarks/scale.py $(SCALE)

# The shipped profiles against public lists; skipped, with a word, where their folder is absent.
AGAINST ?= ../shared/data
.PHONY: coverage
coverage: $(INSTALLED) $(BUILT)  ## measure the shipped profiles against public lists, before and now: docs/coverage.md
	@$(BIN)/python -m content.coverage $(AGAINST)

.PHONY: scale-lines
scale-lines: $(INSTALLED) $(BUILT)  ## a resolver with a million lines: resync, start, checkpoints, memory
	@$(BIN)/python benchmarks/lines.py

.PHONY: line-plans
line-plans: $(INSTALLED) $(BUILT)  ## 50,000 combinations with plans of their own among a million lines: memory, orders, boundaries, a snapshot, edits; then a real resolver with them
	@$(BIN)/python benchmarks/line_plans.py
	@PYTHONPATH=benchmarks:. $(BIN)/python benchmarks/planned_orders.py

build/slow_sync.so: benchmarks/slow_sync.c build/flags
	$(CC) $(CFLAGS) -shared -fPIC -o $@ $< -ldl
.PHONY: choice-changes
choice-changes: $(INSTALLED) $(BUILT) build/slow_sync.so  ## choice changes over the API on a disk that takes 5 ms for a sync: how many a second, how late, how soon in force (CHANGES="--seconds 60 --clients 32")
	@PYTHONPATH=benchmarks:. $(BIN)/python benchmarks/choice_changes.py $(CHANGES)

.PHONY: hostile-load
hostile-load: $(INSTALLED) $(BUILT)  ## a family, an agent and DNS beside 1,000 hostile requests in a second, and at rest (HOSTILE="--seconds 5")
	@PYTHONPATH=benchmarks:. $(BIN)/python benchmarks/hostile_load.py $(HOSTILE)

.PHONY: request-costs
request-costs: $(INSTALLED) $(BUILT)  ## what the worst requests of each call, page and listener cost, and the tables of docs/request-costs.md (COSTS="--only orders")
	@PYTHONPATH=benchmarks:. $(BIN)/python benchmarks/request_costs.py $(COSTS)

.PHONY: page-load
page-load: $(INSTALLED) $(BUILT)  ## DNS answers at rest, under 1,000 pages a second, and under a flood of the block page (PAGES="--seconds 60")
	@PYTHONPATH=benchmarks:. $(BIN)/python benchmarks/pages_load.py $(PAGES)

.PHONY: order-times
order-times: $(INSTALLED) $(BUILT)  ## time until an order is in force, and until it is lifted: at rest, under queries, during an import (ORDERS="--orders 500")
	@PYTHONPATH=benchmarks:. $(BIN)/python benchmarks/order_times.py $(ORDERS)

.PHONY: scale-sessions
scale-sessions: $(INSTALLED) $(BUILT) build/senders  ## a resolver with a million sessions: loading, memory, and queries while they change
	@PYTHONPATH=benchmarks $(BIN)/python benchmarks/sessions.py

.PHONY: session-chain
session-chain: $(INSTALLED) $(BUILT) build/senders  ## sessions from RADIUS packet to DNS answer: changes in force, under full load, memory, restarts
	@PYTHONPATH=benchmarks:. $(BIN)/python benchmarks/session_chain.py

.PHONY: session-table
session-table: $(INSTALLED) $(BUILT)  ## control's table with a million sessions: messages, memory, start, slices
	@$(BIN)/python benchmarks/session_table.py

.PHONY: accounting
accounting: $(INSTALLED) $(BUILT) build/accounting_sender  ## accounting packets a second on one core, in process and over loopback
	@$(BIN)/python benchmarks/accounting_packets.py

.PHONY: first-hour
first-hour: $(INSTALLED) $(BUILT)  ## how soon an exception is in force while five million names are compiled
	@$(BIN)/python benchmarks/exceptions.py

# Beside dnsdist, Unbound, dnsmasq and PowerDNS Recursor; says what it could not run. BENCH="--quick": two minutes.
BENCH ?=
build/%: benchmarks/%.c build/flags
	$(CC) $(CFLAGS) -pthread -o $@ $<
.PHONY: bench
bench: $(INSTALLED) $(BUILT) build/responder build/senders  ## filterd and its peers under load, in turns (BENCH="--quick"); build/bench.json
	@PYTHONPATH=benchmarks $(BIN)/python -m bench $(BENCH)

.PHONY: callgrind
callgrind: $(INSTALLED) $(BUILT)  ## instructions for a query of the mix, stage by stage, under valgrind
	@PYTHONPATH=benchmarks $(BIN)/python -m bench.stages

# Batches of packets to the fast path, to the slow path and to the reference in Python, over one policy that changes.
# EQUALITY="--mode punted" or "--reference" picks a mode.
EQUALITY ?=
.PHONY: equality
equality: $(INSTALLED) $(BUILT)  ## fast path, slow path and reference side by side on 100,000 generated cases of each mode (EQUALITY="--cases 1000000")
	@$(BIN)/python -m tests.equality $(EQUALITY)

# Which changes to the product the suite notices: a sample by seed, hours of it, not in .ci/run.
MUTANTS ?=
.PHONY: mutants
mutants: $(INSTALLED) $(BUILT)  ## change the product in a sample of places and print how many the suite notices (MUTANTS="--seed 7")
	@$(BIN)/python -m tests.mutants $(MUTANTS)

# Faults on real processes while DNS is asked; a seeded part of it is in the suite. CHAOS="--list" shows the cases.
CHAOS ?=
.PHONY: list-server
list-server: $(INSTALLED) $(BUILT)  ## serve build/lists/names.txt at https://127.0.0.1:8443/names.txt, to try a feed from a URL; Ctrl-C stops it
	@exec $(BIN)/python -m tests.worlds.serve_lists build/lists

.PHONY: feeds
feeds: $(INSTALLED) $(BUILT)  ## a week of list refreshes, 10,080, against a server that misbehaves, and what was in force after each (FEEDS="--refreshes 500 --each 5 --seed 7")
	@$(BIN)/python -m tests.feeds_campaign $(FEEDS)

# kill -9 while orders change; a small form of it is in the suite. ORDER_KILLS="--kills 100 --commands 5 --seed 7"
ORDER_KILLS ?=
.PHONY: order-kills
order-kills: $(INSTALLED) $(BUILT)  ## 1,000 kill -9 at random points of order changes and of signing, and whether anything acknowledged was lost (ORDER_KILLS="--kills 100 --seed 7")
	@$(BIN)/python -m tests.order_kills $(ORDER_KILLS)

.PHONY: chaos
chaos: $(INSTALLED) $(BUILT)  ## 1,000 rounds of kills, damage, restores, full and slow disks, and what was unfiltered, lost or said wrongly (CHAOS="--rounds 100 --seed 7 --case NAME --report FILE")
	@$(BIN)/python -m tests.chaos $(CHAOS)

# What of real mixes the threads leave to the event loop; skips where the folder of mixes is absent.
MIXES ?= ../shared/data
.PHONY: punts
punts: $(INSTALLED) $(BUILT)  ## how much of real query mixes the fast path punts, and why
	@$(BIN)/python -m tests.equality.mixes $(MIXES)

.PHONY: compliance
compliance: $(INSTALLED) $(BUILT)  ## ask filterd, BIND, Unbound and Recursor the same RFC cases and write docs/compliance.md
	@$(BIN)/python -m tests.compliance --write

# From checkouts of v2fly/domain-list-community and nextdns/services; prints what a person reviews before the commit.
V2FLY ?= ../domain-list-community/data
NEXTDNS ?= ../nextdns-services/services
LISTS ?= ../shared/data/domains
.PHONY: services
services: $(INSTALLED) $(BUILT)  ## make policies/services.yaml anew from public lists and print what changes (V2FLY=PATH NEXTDNS=PATH LISTS=PATH)
	@$(BIN)/python -m content.services --v2fly $(V2FLY) --nextdns $(NEXTDNS) --lists $(LISTS)

# Answers beside those of Unbound and BIND; skips where the folder of popular names is absent.
POPULAR ?= ../shared/data/popular
.PHONY: comparison
comparison: $(INSTALLED) $(BUILT)  ## ask filterd, Unbound and BIND 20,000 popular names and write docs/comparison.md
	@$(BIN)/python -m tests.comparison --write $(POPULAR)

# Resolvers that stand before filterd, by blocking mode and by signed and unsigned zones; says which are not installed.
.PHONY: fronts
fronts: $(INSTALLED) $(BUILT)  ## ask BIND, Unbound, systemd-resolved, dnsdist and dnsmasq before filterd what it blocks, and write docs/fronts.md
	@$(BIN)/python -m tests.fronts
