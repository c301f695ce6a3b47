# Everything a person or a machine does with this repository; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv/bin
LOCAL := python3 -u deploy/local

.PHONY: help demo demo-down test check unit api api-asked api-rest kind bench mutants lock generate generated format clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

demo: ## the main job: Stridegate on a real local Kubernetes, a refused pod and a patched one
	@$(LOCAL) demo

demo-down: ## take everything away that demo and test started
	@$(LOCAL) down

test: check unit api kind ## prove everything: static checks, unit tests, a real API server, a real cluster

.venv/.ready: pyproject.toml requirements/dev.txt deploy/environment
	@deploy/environment

check: .venv/.ready generated ## the static checks: types, lint, layers, chart, scripts, YAML, generated files
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/yamllint --strict .
	$(VENV)/shellcheck $$(git ls-files -z | xargs -0 grep -lE '^\#!/(usr/)?bin/(env )?(ba)?sh')
	$(LOCAL) helm lint --strict --quiet charts/stridegate

unit: .venv/.ready ## the tests that need nothing but Python
	$(VENV)/pytest -n 2 -m 'not api_server and not kind'

# Tests that share a server or a cluster keep one order, in which what each leaves there is known. There are two servers,
# one for each processor: what a webhook is asked about on the one is nothing to the other.
ASKED := tests/admission tests/conformance tests/webhook
api: .venv/.ready ## the tests on bare API servers: etcd and kube-apiserver as processes
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target api-asked api-rest

api-asked:
	$(VENV)/pytest -p no:randomly -m api_server $(ASKED)

api-rest:
	$(VENV)/pytest -p no:randomly -m api_server $(foreach each,$(ASKED),--ignore=$(each))

kind: .venv/.ready ## the tests on a kind cluster with Stridegate installed
	$(VENV)/pytest -p no:randomly -m kind

bench: .venv/.ready ## measure the webhook against an empty handler and kopf's own server, in one run
	PYTHONPATH=.:deploy/local $(VENV)/python -m bench

mutants: .venv/.ready ## change rules and engine in every way that mutmut knows, and list what no test notices
	bench/mutants

lock: .venv/.ready ## renew the lock files from pyproject.toml
	@for each in cli webhook operator dev mutants; do \
	  $(VENV)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --no-header $$([ $$each = cli ] || echo --extra $$each) pyproject.toml \
	    --output-file requirements/$$each.txt; \
	done

generate: .venv/.ready ## write the generated files
	$(VENV)/python deploy/render_install.py
	$(VENV)/python deploy/render_docs.py

generated: .venv/.ready
	$(VENV)/python deploy/render_install.py --check
	$(VENV)/python deploy/render_docs.py --check

format: .venv/.ready ## format the code
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

clean: ## remove what was built in this checkout
	rm -rf .venv .build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
