# custody: `make` lists what there is. Needs Python 3.11 or newer with pip, and make; uses uv when present.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
# Test processes at once.
JOBS ?= 2
# Programs the tests use that pip cannot bring, each as program:debian-package.
COMPONENTS := git:git gpg:gnupg openssl:openssl ssh-keygen:openssh-client pkcs11-tool:opensc softhsm2-util:softhsm2 \
	docker-registry:docker-registry htpasswd:apache2-utils skopeo:skopeo umoci:umoci buildah:buildah jq:jq

# A uv that is on PATH but does not start (a version manager's shim) counts as absent.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)
CODE := $(wildcard src compat tests benchmarks docs scripts)
TYPED := $(wildcard src compat/in-toto/src tests benchmarks scripts)

# Installs without asking any index for versions: everything is pinned and hashed.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "custody needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@if [ -n "$(UV)" ]; then \
		{ $(BIN)/python --version >/dev/null 2>&1 || uv venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV); } && \
		uv pip install --quiet --python $(BIN)/python --require-hashes --requirement $(1) && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable compat/in-toto ; \
	else \
		{ $(BIN)/python --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(VENV); } && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --require-hashes --requirement $(1) && \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . --editable compat/in-toto ; \
	fi
endef

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format docs bench bench-quick bench-readme build components reference requirements clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r target text; do printf '  %-14s %s\n' "$$target" "$$text"; done

$(STAMP): requirements/dev.txt pyproject.toml compat/in-toto/pyproject.toml
	$(call install,requirements/dev.txt)
	@touch $@

demo: $(STAMP) ## install what is needed into .venv and run the demonstration
	$(BIN)/custody demo

test: $(STAMP) components reference ## run the fast tests
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-all: $(STAMP) components reference ## run every test, the slow ones too, and measure branch coverage
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term

check: $(STAMP) ## check format, lint, types, the storeys and the pins
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports --no-logo
	@if grep -nE '://|index-url|find-links' requirements/*.txt; then \
		echo "requirements/ may not say where packages come from" >&2; exit 1; fi

format: $(STAMP) ## format the code and apply the safe fixes
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

docs: $(STAMP) ## check the documentation
	$(BIN)/python -m pytest tests/docs

bench: $(STAMP) ## measure against the reference
	$(BIN)/python benchmarks/run.py

bench-quick: $(STAMP) ## the same with little data, within two minutes
	$(BIN)/python benchmarks/run.py --quick

bench-readme: $(STAMP) ## measure, and write the table into README.md and docs/
	$(BIN)/python benchmarks/run.py --readme

build: $(STAMP) ## build the sdists and the wheels of both packages into dist/, offline
	$(BIN)/python -m hatchling build
	cd compat/in-toto && $(CURDIR)/$(BIN)/python -m hatchling build --directory $(CURDIR)/dist

components: ## install the programs that the tests use and that are missing
	@for component in $(COMPONENTS); do \
		program=$${component%%:*}; package=$${component##*:}; \
		if command -v "$$program" >/dev/null 2>&1; then continue; fi; \
		if ! command -v apt-get >/dev/null 2>&1; then \
			echo "$$program is missing and there is no apt-get; tests that need it will skip"; \
		elif [ "$$(id -u)" != 0 ]; then \
			echo "$$program is missing and needs root: apt-get install $$package; tests that need it will skip"; \
		elif ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$$package"; }; then \
			echo "$$program could not be installed; tests that need it will skip"; \
		fi; \
	done

reference: $(STAMP) ## make .reference/, what tests and benchmarks compare custody with
	@$(BIN)/python scripts/reference.py

requirements: ## compile the hashed pins anew (needs uv)
	@[ -n "$(UV)" ] || { echo "compiling the pins needs uv" >&2; exit 1; }
	uv pip compile $(PIN) --all-extras --output-file requirements/runtime.txt pyproject.toml
	uv pip compile $(PIN) --all-extras --output-file requirements/dev.txt --group dev pyproject.toml
	uv pip compile $(PIN) --output-file requirements/reference.txt --constraint requirements/runtime.txt requirements/reference.in

PIN := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements"

clean: ## remove everything that can be made again
	rm -rf $(VENV) .reference dist build .coverage .coverage.* coverage.xml htmlcov
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests $(wildcard benchmarks compat docs scripts) -name __pycache__ -type d -prune -exec rm -rf {} +
