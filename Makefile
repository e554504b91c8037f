# Each target makes its own virtual environment; nothing but Python 3.11+ and make is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --prefer-binary \
	--constraint constraints.txt --editable

.PHONY: demo test check bench serve docs clean

demo: $(VENV)/.run
	$(BIN)/coskit demo

serve: $(VENV)/.run
	$(BIN)/coskit serve

test: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/test

check: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) site dist

$(VENV)/.run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[server,cli]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[dev]'
	touch $@
