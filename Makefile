# Lineside: the commands of a checkout. `make help` lists them.
# Everything lies in .venv and var/ of this folder; nothing is installed outside it, except that
# `make test` adds Debian packages where it may (deploy/test-packages.sh).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# The first Python that runs: a pyenv shim may be there for a version that is not.
FIND_PYTHON := for python in $(PYTHON) python3.12 python3.11 python3 python3.13 python3.14; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then echo $$python; exit; fi; \
	done; \
	echo "Lineside needs Python 3.11 or newer with the modules venv and ensurepip." >&2; \
	echo "Debian, Ubuntu: apt install python3 python3-venv. Another one: make PYTHON=/path/to/python3 …" >&2; \
	exit 1
# pip compiles every file, one after the other; this does it on all cores, without what nobody
# imports. (Not left to the first start: five processes would do it at once, each for itself.)
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-input --no-compile
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '/(tests?|testing|networkx|sympy|onnx/backend|openvino/(tools|frontend)|pip|setuptools)/' \
	  $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
	  lineside dashboards services workers db inspection || true
# Of pip's output only what takes its time; warnings and errors come through by themselves.
SPARINGLY := | awk '/Downloading.* MB/ { sub(/^ */, "  "); print; fflush() } /^Installing/ { print "  Installing"; fflush() }'

# Stamps say what has been installed for which pyproject.toml. A larger set has the smaller one too.
STAMP := .venv/.installed
VENV := $(BIN)/python

.PHONY: help setup run test test-real lint format migration translations screenshots clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP)-dev ## Install all that development needs into .venv, torch too

run: $(STAMP)-embedded ## Install the small set (no torch) and start everything; LINESIDE_PORT (8000), LINESIDE_DATA_DIR (var)
	@exec $(BIN)/lineside up

test: $(STAMP)-dev ## Install whatever the tests need, then run them
	@deploy/test-packages.sh
	@exec $(BIN)/python -m pytest -m "not real_data" $(ARGS)

test-real: $(STAMP)-dev ## Run the checks on real images; LINESIDE_REAL_DATA names their folder
	@[ -d "$${LINESIDE_REAL_DATA:-}" ] || { echo "Set LINESIDE_REAL_DATA to the folder of real images." >&2; exit 2; }
	@exec $(BIN)/python -m pytest -m real_data tests $(ARGS)

lint: $(STAMP)-dev ## Check style, types and import directions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)-dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

migration: $(STAMP)-dev ## Write an Alembic revision for what the models have and the tables lack: MESSAGE="…"
	@$(BIN)/python deploy/new_migration.py "$(MESSAGE)"

translations: $(STAMP)-dev ## Bring the catalogues of the pages up to date with their words, and compile them (docs/translating.md)
	@mkdir -p build
	@$(BIN)/pybabel -q extract -F dashboards/babel.cfg -k lazy_gettext -k N_ --add-comments=Translators: --add-location=file --sort-by-file --width=100 --project=Lineside --version="" -o build/messages.pot dashboards
	@$(BIN)/pybabel -q update -i build/messages.pot -d dashboards/translations --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width=100
	@$(BIN)/pybabel -q compile -d dashboards/translations --statistics

screenshots: $(STAMP)-dev ## Take the pictures of docs/screens anew, from the sample plant
	@LINESIDE_SCREENSHOTS=docs/screens $(BIN)/python -m pytest -m browser tests/browser/test_screenshots.py $(ARGS)

clean: ## Remove what tools have cached (not .venv, not var)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info

$(VENV):
	@python=$$($(FIND_PYTHON)); echo "Making .venv with $$($$python --version)."; $$python -m venv .venv

$(STAMP)-embedded: pyproject.toml | $(VENV)
	@echo "Installing Lineside into .venv (once; about 250 MB to download where nothing is cached)."
	@$(PIP_INSTALL) -e '.[embedded]' $(SPARINGLY)
	@$(COMPILE)
	@touch $@

$(STAMP)-dev: pyproject.toml | $(VENV)
	@echo "Installing all that development needs into .venv (once; torch is large)."
	@$(PIP_INSTALL) -e '.[dev]' $(SPARINGLY)
	@$(COMPILE)
	@touch $(STAMP)-embedded $@
