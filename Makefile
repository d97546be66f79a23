# make demo   sets up .venv, trains the built-in study, prints the answer
# make test   sets up what tests need, and passes them

PYTHON ?= $(shell for candidate in python3 python3.13 python3.12 python3.11 python; do \
	$$candidate -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$candidate && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint bench calibrate reproduce docs install clean

help:  ## Name the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## Train the study `quickstart` on real data and print the verdict table.
	$(BIN)/keras-harness run quickstart

test: lint  ## Check style, types and architecture, then run the tests that take seconds.
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-all: lint  ## The same and the slow tests, in processes of their own.
	$(BIN)/python -m pytest -n 2 --dist worksteal; first=$$?; \
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow && exit $$first

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed  ## Measure against KerasTuner and model.fit; an hour for all models.
	$(PIP) install -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/ladder.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/game.py
	$(BIN)/python benchmarks/frozen.py
	$(BIN)/python benchmarks/inside.py

calibrate: $(VENV)/installed  ## Train equal arms, and measure how often verdicts are wrong; ten minutes.
	$(BIN)/keras-harness run calibration-equal
	$(BIN)/keras-harness run calibration-failing
	$(BIN)/python benchmarks/calibrate.py pool
	$(BIN)/python benchmarks/calibrate.py

reproduce: $(VENV)/installed  ## Repeat the published comparisons, quickly; fail if a verdict turned.
	$(BIN)/keras-harness reproduce --all --against docs/reproductions

docs: $(VENV)/tested  ## Write docs/catalog.md from the catalogue, and the tables that journeys prove.
	$(BIN)/keras-harness catalog --markdown > docs/catalog.md
	$(BIN)/python tests/journeys/tables.py
	$(BIN)/keras-harness reproduce --index docs/reproductions

install: $(VENV)/installed  ## Install into .venv.

clean:  ## Remove .venv and what tests leave; results stay.
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "expected Python 3.11, 3.12 or 3.13 with its venv module (Debian: python3-venv)."; \
		echo "Received: none. Name one with: make demo PYTHON=/path/to/python3"; exit 2; fi
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing keras-harness and TensorFlow into $(VENV); about a minute on a fast line."
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(PIP) install -c constraints.txt -e ".[test]"
	@touch $@
