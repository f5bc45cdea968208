# Everything a newcomer needs; only python3 (3.11 to 3.13) with venv, and make, have to be there.
#   make demo     see it work, without a Pi
#   make test     run the tests
#   make check    what CI runs: format, lint, types, import rules, tests with coverage
#   make help     the rest

PYTHON ?= python3
# Home Assistant's; the first of these that runs. pyenv keeps its own where no PATH leads.
PYTHON_HOMEASSISTANT ?= $(firstword $(foreach python,python3.12 python3.13 \
  $(wildcard $(HOME)/.pyenv/versions/3.1[23].*/bin/python3),\
  $(shell $(python) -c 'import ensurepip, venv' 2>/dev/null && echo $(python))))
VENV ?= .venv
BIN := $(VENV)/bin
# Options for pytest, e.g. make test PYTEST="-k sampler -x", or "-n 0" for one after the other
PYTEST ?=
# Tests share nothing, so that they can run side by side.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test check static lint types imports coverage test-models test-export test-homeassistant test-newest rigs docs deb bench campaign audit lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## play a real recording through the emulated chip, three models and MQTT
	@$(BIN)/harpi demo $(DEMO)

test: $(VENV)/.dev ## run the tests
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST)

check: static coverage ## format, lint, types, import rules, tests with coverage

static: lint types imports

lint: $(VENV)/.dev ## formatting and lint (ruff)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.dev ## static types (mypy --strict)
	@$(BIN)/mypy

imports: $(VENV)/.dev ## the floors of the house (import-linter)
	@$(BIN)/lint-imports

coverage: $(VENV)/.dev ## tests with a coverage report
	@$(BIN)/python -m pytest --cov --cov-report=term --cov-report=html $(SIDE_BY_SIDE) $(PYTEST)

test-models: $(VENV)-models/.models ## the workshop's tests, with TensorFlow (1.5 GB)
	@$(VENV)-models/bin/python -m pytest -m models tests/models $(SIDE_BY_SIDE) $(PYTEST)

test-export: $(VENV)-export/.export $(VENV)-k210 ## ONNX and the K210, judged by ONNX Runtime and the chip's simulator (1.7 GB)
	@HARPI_K210_PYTHON=$(VENV)-k210/bin/python $(VENV)-export/bin/python -m pytest -m export tests/models $(PYTEST)

test-homeassistant: $(VENV)/.dev $(VENV)-homeassistant/.homeassistant ## what a real Home Assistant makes of harpi (needs Python 3.12 or 3.13)
	@HARPI_HOMEASSISTANT=$(VENV)-homeassistant/bin/python $(BIN)/python -m pytest -m homeassistant $(PYTEST)

# Not in CI: what others release must not stop anybody's work.
test-newest: ## the tests with the newest releases of everything, in an environment made anew
	@rm -rf $(VENV)-newest
	@$(PYTHON) -m venv $(VENV)-newest
	@$(VENV)-newest/bin/python -m pip --quiet install --upgrade pip
	@$(VENV)-newest/bin/python -m pip --quiet install --editable '.[dev]'
	@$(VENV)-newest/bin/python -m pip list
	@$(VENV)-newest/bin/python -m pytest $(SIDE_BY_SIDE) $(PYTEST)

rigs: $(VENV)/.dev ## a real kernel, systemd and ARM, without a Pi (minutes; docs/rigs.md)
	@$(BIN)/python -m tests.labs.rigs $(PYTEST)

docs: $(VENV)/.dev ## write anew what in the documentation is made from the code (needs Chromium)
	@$(BIN)/python -m tests.docs
	@$(BIN)/harpi schema > docs/mqtt.schema.json
	@$(BIN)/python -m tests.pictures
	@$(BIN)/python -m tests.web.screenshots

deb: $(VENV)/.dev ## packages for Raspberry Pi OS in dist/: Bookworm and Trixie, 32 and 64 bits
	@$(BIN)/python -m deb $(DEB)

# Options for the benchmarks, e.g. make bench BENCH="--quick bus features"
BENCH ?=

bench: $(VENV)-bench/.bench ## measure speed, memory and bus time beside the peers (2.3 GB, a quarter of an hour)
	@$(VENV)-bench/bin/python -m tests.labs.benchmarks $(BENCH)

campaign: $(VENV)/.dev $(VENV)/.fuzz ## hours of faults, power cuts, a virtual week, hostile input; renews their tables in docs/
	@$(BIN)/python -m tests.labs.campaign $(CAMPAIGN)

audit: $(VENV)-tools/.tools ## whether a library in the locks has a weakness that is known (asks PyPI)
	@$(VENV)-tools/bin/python -m tests.audit

# Names of locks, where only some are to be renewed, e.g. make lock LOCKS="demo dev"
LOCKS ?=

lock: $(VENV)/.dev $(VENV)-tools/.tools ## renew the committed locks from pyproject.toml
	@$(BIN)/python -m tests.locks $(VENV)-tools/bin $(LOCKS)

clean: ## remove what make made
	rm -rf $(VENV) $(addprefix $(VENV)-,bench export homeassistant k210 models newest tools) build dist htmlcov .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# A lock names everything and has a wheel of everything: nothing is resolved or built, whatever
# has been released since. The project itself goes in editable, without asking the index.
LOCKED := --no-deps --require-hashes --only-binary=:all:
PIP := -m pip --disable-pip-version-check --quiet

define install
	@echo "Setting up $(1) (once) ..."
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
	@$(1)/bin/python $(PIP) install $(LOCKED) -r $(2)
	@$(1)/bin/python $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
endef

$(VENV)/.demo: requirements/demo.lock pyproject.toml
	$(call install,$(VENV),requirements/demo.lock)

# The tests install the locks with the oldest pip, which lies apart.
$(VENV)/.dev: requirements/dev.lock requirements/oldest-pip.lock pyproject.toml
	$(call install,$(VENV),requirements/dev.lock)
	@$(BIN)/python $(PIP) install $(LOCKED) --upgrade --target $(VENV)/oldest-pip -r requirements/oldest-pip.lock
	@touch $(VENV)/.demo $@

$(VENV)-models/.models: requirements/models.lock pyproject.toml
	$(call install,$(VENV)-models,requirements/models.lock)

$(VENV)-export/.export: requirements/export.lock pyproject.toml
	$(call install,$(VENV)-export,requirements/export.lock)

# nncase 1.9 is the last that knows the K210, and has wheels for Python 3.7 to 3.10 only. Where
# there is no 3.10 that is said, and the tests that need it are listed as not run.
PYTHON_K210 ?= $(firstword $(foreach python,python3.10 $(wildcard $(HOME)/.pyenv/versions/3.10.*/bin/python3),\
  $(shell $(python) -c 'import ensurepip, venv' 2>/dev/null && echo $(python))))

$(VENV)-k210: requirements/k210.lock
	@test -n "$(PYTHON_K210)" || echo "There is no Python 3.10 with venv: nothing is compiled for the K210. Where it has another name: make $(VENV)-k210 PYTHON_K210=..."
	@test -z "$(PYTHON_K210)" || { $(PYTHON_K210) -m venv $@ && \
	  $@/bin/python $(PIP) install $(LOCKED) -r $<; }

$(VENV)-bench/.bench: requirements/bench.lock pyproject.toml
	$(call install,$(VENV)-bench,requirements/bench.lock)

# Guides the fuzzing; where it has no wheel, the campaign says that it did not run.
$(VENV)/.fuzz: $(VENV)/.dev requirements/fuzz.lock
	@$(BIN)/python $(PIP) install $(LOCKED) -r requirements/fuzz.lock
	@touch $@

# Beside the others: what works on the locks is in none of them.
$(VENV)-tools/.tools: requirements/tools.lock
	@echo "Setting up $(VENV)-tools (once) ..."
	@test -x $(VENV)-tools/bin/python || $(PYTHON) -m venv $(VENV)-tools
	@$(VENV)-tools/bin/python $(PIP) install $(LOCKED) -r requirements/tools.lock
	@touch $@

# Home Assistant alone, without harpi: the two talk through a broker. Some of what it needs comes
# as source; what builds that is pinned, too.
$(VENV)-homeassistant/.homeassistant: requirements/homeassistant.lock requirements/sdists.lock
	@echo "Setting up $(VENV)-homeassistant (once, some minutes, 500 MB) ..."
	@test -x $(VENV)-homeassistant/bin/python || test -n "$(PYTHON_HOMEASSISTANT)" || \
	  { echo "Home Assistant needs Python 3.12 or 3.13 with venv; where it has another name: make test-homeassistant PYTHON_HOMEASSISTANT=..."; exit 1; }
	@test -x $(VENV)-homeassistant/bin/python || $(PYTHON_HOMEASSISTANT) -m venv $(VENV)-homeassistant
	@$(VENV)-homeassistant/bin/python $(PIP) install $(LOCKED) -r requirements/sdists.lock
	@$(VENV)-homeassistant/bin/python $(PIP) install --no-deps --require-hashes --no-build-isolation -r $<
	@touch $@
