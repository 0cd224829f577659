# The commands of the house. Each makes .venv and installs into it where that is still to be done.
#
#   make run  [SCALE=16] [ROOTS=64] [ARGS="--seed 5 6"]   the benchmark; stdout is only its lines
#   make test [PYTEST_ARGS="-m 'not slow'"] [JUNIT=FILE]  the whole test suite, WORKERS tests at once
#   make bench [ARGS="-k search"]                         each step by itself; results/runs/bench/*.json
#   make gpu [ARGS="--minutes 5"]                         all that a GPU can tell, in nine minutes;
#                                                         installs nothing, takes PYTHON as it is
#   make mutants [ARGS="-k heap"]                         mistakes planted on purpose: does a test notice?
#   make lint                                             format, lint, types
#   make format                                           rewrite the sources as `make lint` wants them
#   make map                                              the map of files in CONTRIBUTING.md, from their first lines
#   make clean                                            forget .venv and what was built
#
# EXTRAS=mpi           extras of setup.cfg to install; EXTRAS= leaves the mpich wheel out,
#                      EXTRAS=mpi,cuda12 brings what a GPU needs; `make test` brings it anyway, to
#                      compile the kernels, unless EXTRAS names cuda13
# WORKERS=3            processes of pytest that share the tests: one more than cores, as some tests
#                      wait; 0 is none beside make's own
# PYTHON=python3       the Python that makes .venv, 3.11 or newer
#
# A command that fails makes make fail: make's own exit status is then 2, whatever the command's was
# (make prints it: "Error 1").

PYTHON  ?= python3
VENV    ?= .venv
EXTRAS  ?= mpi
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help run test bench mutants gpu lint format map clean
# Two targets would install into one environment at the same time.
.NOTPARALLEL:
.DELETE_ON_ERROR:

venv_python := $(VENV)/bin/python

# One stamp for each set of extras. Its name knows the folder, because the commands in .venv carry
# absolute paths: a moved or copied checkout installs anew.
comma   := ,
empty   :=
space   := $(empty) $(empty)
list     = $(subst $(space),$(comma),$(strip $(subst $(comma), ,$(1))))
folder  := $(shell pwd -P | cksum | cut -d ' ' -f 1)
stamp    = $(VENV)/.installed-$(folder)-$(subst $(comma),-,$(call list,$(EXTRAS)))
for_run  = $(stamp).run
for_test = $(stamp).test
for_lint = $(stamp).lint

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

run: $(for_run)
	@$(VENV)/bin/sssp run $(if $(SCALE),--scale $(SCALE)) $(if $(ROOTS),--roots $(ROOTS)) $(ARGS)

test: $(for_test)
	@$(venv_python) -m pytest -n $(WORKERS) --dist worksteal $(if $(JUNIT),--junitxml='$(JUNIT)') $(PYTEST_ARGS)

bench: $(for_test)
	@mkdir -p results/runs/bench
	@$(venv_python) -m pytest benchmarks $(ARGS) \
	    --benchmark-json=results/runs/bench/$$(date -u +%Y%m%dT%H%M%SZ).json

gpu:
	@$(PYTHON) -m benchmarks.gpu_session $(ARGS)

mutants: $(for_test)
	@$(venv_python) tests/support/mutants.py $(ARGS)

lint: $(for_lint)
	@$(venv_python) -m ruff format --check .
	@$(venv_python) -m ruff check .
	@$(venv_python) -m mypy

format: $(for_lint)
	@$(venv_python) -m ruff format .
	@$(venv_python) -m ruff check --fix .

# Standard library only, so that it needs no environment.
map:
	@$(PYTHON) tests/support/file_map.py

clean:
	@rm -rf .venv build dist sssp_bench.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find kernels graphs sssp harness tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# NVRTC has no wheels but for Linux on two processors.
cuda     = $(if $(filter Linux-x86_64 Linux-aarch64,$(shell uname -sm | tr ' ' -)),cuda12)
cuda    := $(if $(findstring cuda,$(EXTRAS)),,$(cuda))

$(for_run):  extras = $(call list,$(EXTRAS))
$(for_test): extras = $(call list,$(EXTRAS) test $(cuda))
# What tests import has types, too.
$(for_lint): extras = $(call list,$(EXTRAS) test dev)

# Wheels that must not be there beside the extras: mpich where it is not asked for, as it would be
# found before the MPI of the site; CuPy for the other CUDA, as both are one package.
unwanted = $(if $(findstring mpi,$(EXTRAS)),,mpich) \
    $(if $(findstring cuda12,$(extras)),cupy-cuda13x) $(if $(findstring cuda13,$(extras)),cupy-cuda12x)

# Stamps of another EXTRAS go.
$(for_run) $(for_test) $(for_lint): setup.cfg pyproject.toml | $(venv_python)
	@echo "make: installing sssp-bench$(if $(extras),[$(extras)]) into $(VENV) (once, about a minute)" >&2
	@find $(VENV) -maxdepth 1 -name '.installed-*' ! -name '$(notdir $(stamp)).*' -exec rm -f {} +
	@$(if $(strip $(unwanted)),$(venv_python) -m pip uninstall -q -y $(unwanted) >&2 2>/dev/null || true)
	@$(venv_python) -m pip install -qq --disable-pip-version-check \
	    -e '.$(if $(extras),[$(extras)])' >&2
	@touch $@

old_python = "make: Python 3.11 or newer is needed, $(PYTHON) is", sys.version.split()[0] + \
	"; name another: make PYTHON=python3.12"

$(venv_python):
	@command -v $(PYTHON) >/dev/null || { \
	    echo "make: $(PYTHON) is not found; install Python 3.11 or newer, or name one:" \
	         "make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(" ".join([$(old_python)]))' >&2
	@$(PYTHON) -m venv --clear $(VENV) >&2 || { rm -f $@; \
	    echo "make: $(PYTHON) -m venv failed (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
