# `make help` lists what there is. Everything is installed into .venv from the lock files.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
BENCHES = $(patsubst bench/%.py,%,$(shell grep -l __main__ bench/*.py))

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev compiled demo up kafka check format test test-compiled faults bench bench-full soak schemas lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

setup: .venv/.run ## install what running needs (no development tools)
setup-dev: .venv/.dev ## install what checking, testing and benchmarks need too

.venv/bin/python:
	@deploy/need-python $(PYTHON)
	$(PYTHON) -m venv .venv
	ln -sf ../../opportune .venv/bin/opportune

.venv/.run: requirements.lock | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

.venv/.dev: requirements-dev.lock | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

compiled: setup-dev ## machine code of the modules where the time goes, used as long as they stay as they are (a C compiler)
	@$(BIN)/python -c 'import app; raise SystemExit(not app.COMPILED)' || $(BIN)/python -m deploy.compiling

demo: setup ## replay 41,188 real calls through the whole loop; ONCE=1 ends afterwards, ARGS="--help" lists more
	$(BIN)/python -m examples.bank_contact_centre $(if $(ONCE),--once,) $(ARGS)

up: setup ## start Redis, API and workers here
	./opportune up

kafka: setup ## a local Kafka until Ctrl-C (Java, Maven); NODES=3 for three, PORT=19092, ARGS="--help" lists more
	@deploy/need-java
	$(BIN)/python -m deploy.kafka --nodes $(or $(NODES),1) --port $(or $(PORT),9092) $(ARGS)

check: setup-dev ## ruff, mypy --strict, and the architecture test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/python -m pytest -q tests/test_architecture.py

format: setup-dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: setup-dev ## all tests; they start the servers they need
	$(BIN)/python -m pytest

test-compiled: compiled ## the tests of deciding and folding, on the machine code
	$(BIN)/python -m pytest -p app tests/rules/test_*.py tests/rules/explaining tests/profiles tests/consumers/test_goals.py \
	  tests/app/test_crossing.py tests/app/test_beside.py tests/sim/test_real.py

faults: setup-dev ## every fault of docs/reliability.md on real Kafka and Redis, and writes its table there; half an hour
	@deploy/need-java
	$(BIN)/python -m tests.faults

bench: compiled ## the benchmarks, short; figures also in var/bench (wrk, Java)
	@for name in $(BENCHES); do echo "== bench.$$name"; $(BIN)/python -m bench.$$name || exit 1; done

bench-full: compiled ## the benchmarks with a million customers, rows and requests (16 GB of memory, hours)
	@for name in $(BENCHES); do echo "== bench.$$name"; $(BIN)/python -m bench.$$name --full || exit 1; done

soak: setup-dev ## real workers as coroutines and as processes in all kinds of trouble, for MINUTES=10
	$(BIN)/python -m tests.sim.soak --minutes $(or $(MINUTES),10)

schemas: setup ## export the JSON Schemas and asyncapi.yaml from the models
	$(BIN)/python -m schemas.export

lock: ## resolve the lock files anew (needs uv)
	uv pip compile -q --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  pyproject.toml -o requirements.lock
	uv pip compile -q --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  pyproject.toml --extra dev --extra bench -c requirements.lock -o requirements-dev.lock

clean: ## remove the environment and the state of the embedded service
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis
