# Each target makes its own virtual environment; nothing but Python 3.11+ and make is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --prefer-binary \
	--constraint constraints.txt --editable

.PHONY: demo test versions check faults crash interop bench serve audit docs clean

demo: $(VENV)/.run
	$(BIN)/coskit demo

serve: $(VENV)/.run
	$(BIN)/coskit serve

test: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/test

versions:
	scripts/versions

check: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

# N times as many random faults, and N killed clients of each kind.
N ?= 10
faults: $(VENV)/.dev
	COSKIT_FAULTS=$(N) $(BIN)/python -m pytest -q --timeout=3600 \
		tests/faults/test_random_schedules.py tests/faults/test_killed_clients.py

# N servers killed, alone and in company, and half as many power cuts: tests/crash/RESULTS.json.
crash: $(VENV)/.dev
	$(BIN)/python -m tests.crash.run $(N)

# Published clients of other projects: tests/compatibility/interop/matrix.json and the table in docs/compatibility.md.
interop: $(VENV)/.dev
	$(BIN)/python -m tests.compatibility.interop.run

# `make bench ONLY=get_small` runs one scenario, `make bench QUICK=1` a little of the client's;
# ROUNDS and SCALE say how often each contender runs, and with what part of the operations.
bench: $(VENV)-bench/.run
	PATH="$(CURDIR)/$(VENV)-bench/bin:$$PATH" python -m benchmarks.run \
		$(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SCALE),--scale $(SCALE))

# Advisories on what is pinned and on the lower bounds; says in a line what could not be looked up.
audit:
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)-audit/bin/python scripts/audit

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(VENV)-* $(VENV)-audit .interop site dist

$(VENV)/.run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[server,cli]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[dev]'
	touch $@

# The rivals' own requirements contradict each other's newest versions, hence an environment apart.
$(VENV)-bench/.run: pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --prefer-binary \
		--constraint constraints.txt --editable '.[server,cli]'
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --prefer-binary \
		--requirement benchmarks/requirements.txt
	$(PYTHON) -m venv $(VENV)-bench-aws
	$(VENV)-bench-aws/bin/python -m pip install --quiet --disable-pip-version-check awscli
	touch $@
