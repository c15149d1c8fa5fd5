# Needs make and Python 3.11 or newer, nothing else. Every target sets up what it uses; only a changed pyproject.toml
# or constraints.txt installs anything again. `make` alone lists the targets.
# Not a second build system: each target is one or two commands that you can also type.

VENV   ?= .venv
# The first of these that is new enough; looked for only when the environment is made.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
            $(name) -c 'import sys; sys.version_info >= (3, 11) and print(sys.argv[1])' $(name) 2>/dev/null)))
BIN    := $(VENV)/bin
# The tools that build our own wheel are pinned too: older pips read the first name for them, newer ones the second.
PIP    := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
            $(BIN)/python -m pip --disable-pip-version-check --no-input
# What is compiled while installing; a change installs again.
C      := $(wildcard hatch_build.py simkit/kernel/core/sources.py simkit/kernel/*/*.c simkit/kernel/*/*.h)
TESTS  ?= tests
JOBS   ?= 2
ROUNDS ?= 7
SIZE   ?= medium

# Some machines have Python keep no bytecode. The tests start hundreds of interpreters, and each would compile everything.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test check format audit bench docs clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Run the task queue while its workers crash; ends with a verdict and a report
	@$(BIN)/simkit run task_queue/worker_crashes

setup: $(VENV)/.setup ## Make the environment for working on simkit: everything, pinned

test: $(VENV)/.setup ## Run the tests (TESTS=tests/kernel for some, OPTIONS="-k lease" for pytest, JOBS=2)
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(OPTIONS) $(TESTS)

check: $(VENV)/.setup ## Read the code: style, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.setup ## Bring the code into the house's format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

audit: $(VENV)/.setup ## Run the long tests: many seeds, a wheel installed from nothing
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m audit $(OPTIONS) $(TESTS)

bench: $(VENV)/.bench ## Measure against the named peers; writes benchmarks/results/ (WORKS=timers for some, ROUNDS=7, SIZE=medium)
	@$(BIN)/python -m benchmarks --rounds $(ROUNDS) --size $(SIZE) $(WORKS)

docs: $(VENV)/.setup ## Write the generated pages again
	@$(BIN)/simkit check --schema > docs/scenario.schema.json
	@$(BIN)/simkit check --reference > docs/reference.md
	@$(BIN)/python tests/compatibility/page.py > docs/compatibility.md

clean: ## Remove caches and build products; keeps the environment and runs/
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# -- the environment, one stamp per size
# The extra is spelled with a hyphen: pips before 23.3 pass over `task_queue` with a warning that -qq hides.
# Python compiles what it imports; compiling everything at once would take longer than the demo's own imports.

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "simkit needs Python 3.11 or newer; found none (name one: make PYTHON=...)" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt $(C) | $(VENV)/.made
	@echo "installing simkit and the task queue into $(VENV) (under a minute, this once)"
	@$(PIP) install -qq --no-compile --editable '.[task-queue]'
	@touch $@

$(VENV)/.setup: pyproject.toml constraints.txt $(C) | $(VENV)/.made
	@echo "installing simkit, all systems and the tools into $(VENV) (about a minute, this once)"
	@$(PIP) install -qq pip
	@$(PIP) install -qq --group dev --editable '.[all]'
	@touch $(VENV)/.demo $@

$(VENV)/.bench: $(VENV)/.setup
	@echo "installing the benchmark peers into $(VENV)"
	@$(PIP) install -qq --group peers
	@touch $@
