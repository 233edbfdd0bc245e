# Needs Python 3.11+ with pip, make and git; everything else is installed into .venv (and uv, if missing, into .uv).
PORT ?= 4200
RUNS ?= 300
.PHONY: install demo up test tests test-all soak lint typecheck coverage bench
SHELL := /bin/bash
SIZES ?= 5e6 20e6
export PATH := $(CURDIR)/.uv/bin:$(PATH)
# Every process would compile the project's modules again.
unexport PYTHONDONTWRITEBYTECODE

install: .venv/installed

demo: .venv/installed
	.venv/bin/throng demo

# The production shape on this machine: PostgreSQL, S3, Prefect and its workers; Ctrl-C stops, again goes on.
up: .venv/installed
	THRONG_HOME=.throng/up .venv/bin/throng serve --with-services --port $(PORT)

# Many tests wait for PostgreSQL, S3 or Prefect: three files at a time keep two cores busy.
test: lint tests

tests: .venv/installed
	@$(call run-tests,.venv,$(TESTS))

# Databases wait for the disk at each write, and no test cuts the power: on a RAM disk that is large enough, if any.
RAM := $(shell findmnt -n -o OPTIONS /dev/shm 2>&1 | grep -qv noexec && \
  [ "$$(df -k --output=avail /dev/shm | tail -1)" -gt 4000000 ] && echo /dev/shm)
define run-tests
( scratch=$$(mktemp -d -p "$(RAM)" throng-tests-XXXXXX) && chmod 711 "$$scratch" && trap 'rm -rf "$$scratch"' EXIT \
  && TMPDIR="$$scratch" $(1)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(2) )
endef

# The same tests on each supported Python that is installed or that uv can download; a missing one is named and skipped.
PYTHONS ?= 3.11 3.12 3.13
TESTS ?= tests
test-all: .venv/installed
	@for version in $(PYTHONS); do \
	  PATH="$$PATH:$$(printf '%s:' ~/.pyenv/versions/$$version*/bin)"; \
	  python=$$(uv python find $$version 2>/dev/null || (uv python install -q $$version && uv python find $$version) 2>/dev/null) \
	    || { echo "Python $$version is not here: skipped"; continue; }; \
	  echo "Python $$version"; \
	  UV_PROJECT_ENVIRONMENT=.venv-$$version uv sync -q --locked --all-extras --python "$$python" \
	    && $(call run-tests,.venv-$$version,$(TESTS)) || exit 1; \
	done

# What takes minutes or hours: each fault at every point, and RUNS days one after the other, with a table of what they hold.
soak: .venv/installed
	RUNS=$(RUNS) .venv/bin/python -m pytest -s -m soak

lint: .venv/installed
	.venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/python -m tests.prose

typecheck: .venv/installed
	.venv/bin/mypy

# Kernels run uncompiled here, so that their lines are seen.
PURE := events mobility products privacy estimate deliverable
coverage: .venv/installed
	NUMBA_DISABLE_JIT=1 .venv/bin/python -m pytest tests/unit $(PURE:%=--cov=tasks.%) --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

bench: .venv/installed
	.venv/bin/python -m tests.benchmarks $(SIZES)

.venv/installed: pyproject.toml uv.lock
	@command -v uv >/dev/null || python3 -m pip install --quiet --disable-pip-version-check --target .uv uv
	uv sync --locked --all-extras --compile-bytecode
	@touch $@
