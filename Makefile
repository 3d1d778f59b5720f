# make run: see it work.  make test: everything that has to hold.  Needs Python 3.11+ and nothing else prepared.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python3.14,$(shell \
  $(name) -c 'import sys; print("$(name)" * (sys.version_info >= (3, 11)))' 2>/dev/null)))
VENV := .venv
DEV := .venv-dev
NUMPY1 := .venv-numpy1
PIP := -m pip --disable-pip-version-check --quiet
KERNEL := $(wildcard src/medarchive/codecs/_kernel/* src/medarchive/codecs/*/_kernel/*)
SOURCES := pyproject.toml setup.py Makefile $(KERNEL)
VERSIONS := 'import imagecodecs, numpy, sys; print("Python", *sys.version.split()[:1], "NumPy", numpy.__version__, \
  "imagecodecs", imagecodecs.__version__)'

.PHONY: run test lint types layers docs reference numpy1 unit tools bench format clean

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

# docs/cli.md and docs/settings.md are made from the code; a test fails where they are not up to date.
reference: $(DEV)/.installed
	$(DEV)/bin/python tools/reference.py

# The formats must read and write the same bytes with NumPy 1.26 as with 2.x.
numpy1: $(NUMPY1)/.installed
	@echo "== unit, property and golden tests with $$($(NUMPY1)/bin/python -c $(VERSIONS))"
	$(NUMPY1)/bin/python -m pytest -q -n 3 --dist loadfile tests/unit tests/property tests/golden

unit: $(DEV)/.installed tools
	@echo "== all tests with $$($(DEV)/bin/python -c $(VERSIONS))"
	$(DEV)/bin/python -m pytest -q -n 3 --dist loadfile

# Peers, the validator dciodvfy and strace are the distribution's.
tools:
	@for tool in /usr/bin/storescu /usr/bin/dciodvfy /usr/bin/strace /usr/lib/postgresql/*/bin/initdb /usr/sbin/mariadbd /usr/bin/chromium; do test -x $$tool || { \
	  echo "the tests need $$tool: run .ci/run, or on Debian and Ubuntu: apt-get install dcmtk dicom3tools strace postgresql mariadb-server chromium"; exit 1; }; done

bench: $(DEV)/.installed
	$(DEV)/bin/python benchmarks/store_rate.py

format: $(DEV)/.installed
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

clean:
	rm -rf $(VENV) $(DEV) $(NUMPY1) build dist site demo-archive src/*.egg-info src/medarchive/codecs/*/*.so .mypy_cache .ruff_cache .pytest_cache

define venv
	@test -n "$(PYTHON)" \
	  || { echo "medarchive needs Python 3.11 or later, and none was found; name one: make PYTHON=/opt/python3.12"; exit 1; }
	@echo "== installing into $(@D)"
	@rm -rf build
	@$(@D)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(@D) \
	  || { rm -rf $(@D); echo "could not make a virtual environment; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
endef

$(VENV)/.installed: $(SOURCES) README.md $(shell find src -name '*.py' 2>/dev/null)
	$(venv)
	$(VENV)/bin/python $(PIP) install '.[insight,web]'
	@touch $@

$(DEV)/.installed: $(SOURCES)
	$(venv)
	$(DEV)/bin/python $(PIP) install --editable '.[dev]'
	@touch $@

$(NUMPY1)/.installed: $(SOURCES)
	$(venv)
	$(NUMPY1)/bin/python $(PIP) install --editable . 'numpy<2' pytest pytest-benchmark pytest-xdist hypothesis
	@touch $@
