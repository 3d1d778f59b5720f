# make run: see it work.  make test: everything that has to hold.  Needs Python 3.11+ and nothing else prepared.
PYTHON ?= python3
VENV := .venv
DEV := .venv-dev
NUMPY1 := .venv-numpy1
PIP := -m pip --disable-pip-version-check --quiet
SOURCES := pyproject.toml Makefile

.PHONY: run test lint types layers docs unit numpy1 bench format clean

run: $(VENV)/.installed
	$(VENV)/bin/medarchive demo

test: lint types layers docs numpy1 unit

lint: $(DEV)/.installed
	@echo "== ruff"
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .

types: $(DEV)/.installed
	@echo "== mypy, strict"
	$(DEV)/bin/mypy

layers: $(DEV)/.installed
	@echo "== import-linter"
	$(DEV)/bin/lint-imports

docs: $(DEV)/.installed
	@echo "== mkdocs, strict"
	NO_MKDOCS_2_WARNING=1 $(DEV)/bin/mkdocs build --strict --quiet

# The formats must read and write the same bytes with NumPy 1.26 as with 2.x.
numpy1: $(NUMPY1)/.installed
	@echo "== unit, property and golden tests with NumPy 1.26"
	$(NUMPY1)/bin/python -m pytest -q tests/unit tests/property tests/golden

unit: $(DEV)/.installed
	@echo "== all tests"
	$(DEV)/bin/python -m pytest

bench: $(DEV)/.installed
	$(DEV)/bin/python -m pytest benchmarks --benchmark-enable --benchmark-only

format: $(DEV)/.installed
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

clean:
	rm -rf $(VENV) $(DEV) $(NUMPY1) build dist site demo-archive src/*.egg-info .mypy_cache .ruff_cache .pytest_cache

define venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "medarchive needs Python 3.11 or later; set PYTHON=python3.11 or the like"; exit 1; }
	@echo "== installing into $(@D)"
	@$(PYTHON) -m venv $(@D) \
	  || { echo "could not make a virtual environment; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
endef

$(VENV)/.installed: $(SOURCES) $(shell find src -name '*.py' 2>/dev/null)
	$(venv)
	$(VENV)/bin/python $(PIP) install .
	@touch $@

$(DEV)/.installed: $(SOURCES)
	$(venv)
	$(DEV)/bin/python $(PIP) install --editable '.[dev]'
	@touch $@

$(NUMPY1)/.installed: $(SOURCES)
	$(venv)
	$(NUMPY1)/bin/python $(PIP) install --editable . 'numpy<2' pytest pytest-benchmark hypothesis
	@$(NUMPY1)/bin/python -c 'import numpy, imagecodecs; print("numpy", numpy.__version__, "imagecodecs", imagecodecs.__version__)'
	@touch $@
