# The first interpreter that is new enough and can make virtual environments; `make PYTHON=...` overrides it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
STEPS ?= 2000
# Processes that run tests at once; 0 runs them in pytest's own, where a debugger can be used.
WORKERS ?= logical
BIN := $(VENV)/bin
# Top-level folders that hold Python.
CODE := $(wildcard src tests migrations bench)

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types imports bench parity check clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'vibecore needs Python 3.11 or newer with the venv module; name one with PYTHON=...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps make an installation happen again only when pyproject.toml changed.
$(VENV)/.runtime: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,async]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

demo: $(VENV)/.runtime ## do the platform's work on a real source tree with an embedded PostgreSQL
	$(BIN)/vibecore demo

test: $(VENV)/.dev ## every test, on memory and on the embedded server; a part: make test TESTS=tests/unit
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --maxprocesses=4 --dist=worksteal $(TESTS)

lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: $(VENV)/.dev ## mypy strict on everything, then pyright on the public API
	$(BIN)/mypy $(CODE)
	$(BIN)/basedpyright

imports: $(VENV)/.dev ## the layer rules
	$(BIN)/lint-imports --no-logo --no-cache

bench: $(VENV)/.dev ## figures against raw psycopg, measured in the same run
	$(BIN)/python -m bench

parity: $(VENV)/.dev ## both backends side by side on random calls: make parity STEPS=100000
	$(BIN)/python -m vibecore.testing.parity --steps $(STEPS)

check: ## everything that CI runs
	.ci/run

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
