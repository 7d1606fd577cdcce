# Two commands do all the set-up: `make demo` shows the program, `make test` checks it.
#
#   PYTHON=python3.12      the interpreter to start from
#   TORCH_INDEX=URL        where to take torch's CPU build from (see README.md)
#   TORCH=torch==2.13.0    which torch; `make test-minimum` takes it instead of the lowest
#   PYTEST="-k lesions"    what else to tell pytest
#   WORKERS=2              how many processes share the tests; 0: one, which a debugger can follow

PYTHON ?= python3
VENV ?= .venv
export PYTHON TORCH TORCH_INDEX
# Compiled modules are kept: without them each worker, and each command that a test runs, compiles all anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := $(VENV)/bin
WITH_SCREEN := scripts/with-screen.sh
MINIMUM := $(VENV)-minimum
PYSIDE := $(VENV)-pyside
SET_UP := pyproject.toml scripts/set-up.sh scripts/system-libraries.sh
PYTEST ?=
WORKERS ?= 2
# One line that says how far the run is, in place of dots, and the slowest tests at the end.
ALL_TESTS := -n $(WORKERS) --dist worksteal -p tests.progress_line -o console_output_style=classic

.PHONY: help demo test test-minimum test-pyside soak lint docs pictures clean

help:
	@echo "make demo          segment a simulated case and show it; without a screen: pictures and results in ./demo-output"
	@echo "make test          every check: lint, types, floors, tests with a real viewer"
	@echo "make test-minimum  the quick tests with the lowest versions that pyproject.toml admits"
	@echo "make test-pyside   the quick tests with PySide6 instead of PyQt6"
	@echo "make soak          the long form: sessions and runs under stress; audits of many made-up worlds; models made elsewhere"
	@echo "make lint          the quick checks only"
	@echo "make docs          the documents and the API pages as a site, in build/site"
	@echo "make pictures      make the pictures of the documentation anew"
	@echo "make clean         remove what was built"

demo: $(VENV)/.demo
ifeq ($(strip $(DISPLAY)$(WAYLAND_DISPLAY)),)
	$(BIN)/uncertainseg demo --headless --out demo-output
else
	$(BIN)/uncertainseg demo
endif

test: lint
	$(WITH_SCREEN) $(BIN)/python -m pytest $(ALL_TESTS) $(PYTEST)

# Environments of their own: `make test` keeps the newest versions and PyQt6.
test-minimum: $(MINIMUM)/.test
	$(WITH_SCREEN) $(MINIMUM)/bin/python -m pytest $(ALL_TESTS) -m "not slow" $(PYTEST)

test-pyside: $(PYSIDE)/.test
	$(WITH_SCREEN) $(PYSIDE)/bin/python -m pytest $(ALL_TESTS) -m "not slow" $(PYTEST)

soak: $(VENV)/.test
	UNCERTAINSEG_SOAK=1 $(BIN)/python -m pytest tests/review tests/runs tests/bench tests/audit \
		tests/inference/test_trained_models.py --durations=0 --timeout=0 -o faulthandler_timeout=0 $(PYTEST)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.test
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m sphinx --fail-on-warning --keep-going -q docs build/site

pictures: $(VENV)/.test
	$(WITH_SCREEN) $(BIN)/python scripts/pictures.py

# A stamp makes the second call quick; a changed pyproject.toml installs anew.
$(VENV)/.demo: $(SET_UP)
	scripts/system-libraries.sh
	scripts/set-up.sh $(VENV) all
	@touch $@

$(VENV)/.test: $(SET_UP)
	scripts/system-libraries.sh postgresql
	scripts/set-up.sh $(VENV) dev
	@touch $(VENV)/.demo $@

$(MINIMUM)/.test: $(SET_UP) scripts/minimum.txt
	scripts/system-libraries.sh
	CONSTRAINTS=scripts/minimum.txt scripts/set-up.sh $(MINIMUM) test,qt
	@touch $@

$(PYSIDE)/.test: $(SET_UP)
	scripts/system-libraries.sh
	scripts/set-up.sh $(PYSIDE) test,pyside
	@touch $@

clean:
	rm -rf $(VENV) $(MINIMUM) $(PYSIDE) build dist demo-output src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
