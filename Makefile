# The same commands for people and for CI. PYTHON: any CPython from 3.11 on.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test lint types pytest docs bench peers clean

demo: .venv/installed
	rm -rf demo
	$(BIN)/ecgcam demo --out demo

test: lint types pytest

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/installed
	$(BIN)/mypy

pytest: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2  # more threads would only wait for each other

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install torch==2.13.0 -c constraints.txt
	$(BIN)/python -m pip install -e '.[dev]' -c constraints.txt
	touch $@

# The documentation site, in site/; warnings are errors.
docs: .venv-docs/installed
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build

.venv-docs/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet -e '.[docs]' -c constraints.txt
	touch $@

# Time each stage beside other implementations: `make bench`, or `make bench FOLDER=ptbxl`.
bench: .venv/installed
	$(BIN)/python -m benchmarks.speed $(FOLDER)

# The libraries that the benchmark compares with need an environment of their own.
peers: .venv-peers/installed

.venv-peers/installed: benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet -r benchmarks/peers.txt
	touch $@

clean:
	rm -rf .venv .venv-docs .venv-peers demo site build dist
