# make demo: set everything up and show the main job.   make test: set everything up and run all tests.
.DEFAULT_GOAL := help
PY := .venv/bin/python
PYTEST_ARGS ?=

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 12

setup:  ## Debian packages and the virtual environment (idempotent)
	@sh scripts/setup.sh

demo: setup  ## the main job, end to end, in a private network namespace
	@$(PY) scripts/demo.py

test: setup  ## every test (needs root)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PY) -m pytest $(PYTEST_ARGS)

check: setup  ## format, lint, types, import contracts
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy nsorch
	@.venv/bin/lint-imports

bench: setup  ## figures for docs/benchmarks.md
	@$(PY) -m bench

clean:  ## remove what setup, tests and builds made here
	rm -rf .venv .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo test check bench clean
