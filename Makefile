# Every target is one line in `make help`. All of them set up what they need first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
SCENARIO ?=
# Every scenario that is named has a folder of its own: its county may have another catalogue.
DATA ?= .lianshen$(addprefix -,$(SCENARIO))
ARGS ?=
JOBS ?= 2

.PHONY: help setup demo up down test explanations lives test-kafka test-pages screenshots bench lint lock kafka-jars clean clean-data

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
	  || sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1  \2/p' $(MAKEFILE_LIST)

setup: ## make .venv and install everything, locked by hash (does nothing when nothing changed)
	@scripts/setup

demo: setup ## one application through every department on real parts; SCENARIO=plant: the whole procedure
	@SCENARIO=$(SCENARIO) $(BIN)/lianshen demo --data $(DATA) $(ARGS)

up: setup ## start the embedded stack and keep it running until Ctrl-C
	@$(BIN)/lianshen up --data $(DATA) $(ARGS)

down: setup ## stop a stack that runs elsewhere
	@$(BIN)/lianshen down --data $(DATA)

test: setup ## the whole test suite, JOBS at a time (ARGS="-k word" for a part of it)
	@$(BIN)/coverage erase
	@$(BIN)/pytest --numprocesses $(JOBS) --dist worksteal --cov --cov-report= $(ARGS)
	@$(if $(ARGS),,$(BIN)/coverage report --include 'services/domain/*' --fail-under 100 --precision 2 --skip-covered)
	@$(BIN)/coverage report --skip-covered --skip-empty $(if $(ARGS),,--fail-under 90)

explanations: setup ## a million random deadlines explained and reckoned independently (some ten minutes)
	@LIANSHEN_TEST_EXPLANATIONS=1000000 $(BIN)/pytest --timeout 3600 tests/unit/test_explanations.py $(ARGS)

lives: setup ## ten thousand random lives of applications with faults in every step (some twenty minutes)
	@LIANSHEN_TEST_LIVES=10000 $(BIN)/pytest --timeout 7200 tests/unit/test_lives.py $(ARGS)

test-kafka: setup kafka-jars ## the integration and fault suites against Apache Kafka (Java 17, Maven)
	@LIANSHEN_TEST_BROKER=apache $(BIN)/pytest --numprocesses $(JOBS) --dist worksteal $(wildcard tests/integration tests/faults) --ignore-glob 'tests/integration/test_*_pages.py' $(ARGS)

test-pages: setup ## the pages in a real browser (Chromium; LIANSHEN_TEST_VIEWS=all: each language on each screen)
	@LIANSHEN_TEST_CHROMIUM=$$(scripts/chromium) && export LIANSHEN_TEST_CHROMIUM && \
	  $(BIN)/pytest tests/pages $(ARGS)

screenshots: setup ## take the pictures of the READMEs anew (Chromium)
	@LIANSHEN_TEST_CHROMIUM=$$(scripts/chromium) && export LIANSHEN_TEST_CHROMIUM && \
	  $(BIN)/python -m scripts.screenshots

bench: setup ## measure naive, bare and product, and write bench/results (QUICK=1: a smoke run)
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(ARGS)

lint: setup ## ruff, mypy --strict and the layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: setup ## resolve all dependencies again and write the lock files
	@scripts/lock

kafka-jars: ## fetch Apache Kafka's jars (needs Java 17 and Maven; as root on Debian installs them)
	@scripts/kafka-jars

clean: ## remove the virtual environment, node_modules and caches (keeps the data folder)
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
	  .coverage* deploy/embedded/node_modules

clean-data: ## remove the data folder: databases, workflows, secrets and keys of the embedded stack
	@rm -rf $(DATA)
