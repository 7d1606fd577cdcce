# Two commands do all the set-up: `make demo` shows the program, `make test` checks it.
#
#   PYTHON=python3.12      the interpreter to start from
#   TORCH_INDEX=URL        where to take torch's CPU build from (see README.md)
#   PYTEST="-k lesions"    what else to tell pytest
#   WORKERS=2              how many processes share the tests; 0: one, which a debugger can follow

PYTHON ?= python3
VENV ?= .venv
export PYTHON TORCH TORCH_INDEX

BIN := $(VENV)/bin
WITH_SCREEN := scripts/with-screen.sh
SET_UP := pyproject.toml scripts/set-up.sh scripts/system-libraries.sh
PYTEST ?=
WORKERS ?= 2

.PHONY: help demo test soak lint docs pictures clean

help:
	@echo "make demo      segment a simulated case and show it; without a screen: pictures and results in ./demo-output"
	@echo "make test      every check: lint, types, floors, tests with a real viewer"
	@echo "make soak      sessions under stress: 100 kills, 20 annotators with 200 verdicts each"
	@echo "make lint      the quick checks only"
	@echo "make docs      the documents and the API pages as a site, in build/site"
	@echo "make pictures  make the pictures of the documentation anew"
	@echo "make clean     remove what was built"

demo: $(VENV)/.demo
ifeq ($(strip $(DISPLAY)$(WAYLAND_DISPLAY)),)
	$(BIN)/uncertainseg demo --headless --out demo-output
else
	$(BIN)/uncertainseg demo
endif

test: lint
	$(WITH_SCREEN) $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST)

soak: $(VENV)/.test
	UNCERTAINSEG_SOAK=1 $(BIN)/python -m pytest tests/review --durations=0 $(PYTEST)

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

clean:
	rm -rf $(VENV) build dist demo-output src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
