# make app: serve the app.  make test: the checks of every change.  Both build .venv first.
PYTHON ?= python3.11
BIN := .venv/bin
export OMP_WAIT_POLICY ?= PASSIVE
export PYTHONPATH := .
# A worker for each core and one more, one thread each; a file's tests stay together, see tests/conftest.py.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --no-loadscope-reorder

.PHONY: app test test-all mutants fix table

app: .venv/app.stamp
	$(BIN)/streamlit run app.py

test: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/deptry .
	$(BIN)/pyright
	$(PYTEST) -m "not slow and not gpu"

test-all: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/deptry .
	$(BIN)/pyright
	$(PYTEST)

# Some twenty minutes: a line in each of thirty modules is broken in a copy of the tree, and its tests must notice.
mutants: .venv/dev.stamp
	$(BIN)/python tests/mutants.py

fix: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

table: .venv/app.stamp
	$(BIN)/python -m snnpar table README.md

.venv/bin/python:
	$(shell command -v $(PYTHON) || command -v python3) -m venv .venv

# Stamps: dependencies are installed again only when their list changes.
.venv/app.stamp: requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev.stamp: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ .venv/app.stamp
