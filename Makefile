# Onewindow. `make help` lists what can be done; everything runs from the environment `make setup` makes.
SHELL := /bin/sh
PYTHON := .venv/bin/python
ONEWINDOW := $(PYTHON) -m deploy.launcher
TESTS ?= tests
.DEFAULT_GOAL := help
.PHONY: help setup demo up audit verify catalogue test check format contracts

##@ See it
demo: setup ## The whole center with sixty applications; ONCE=1 ends after the audit, with its status
	@$(ONEWINDOW) demo $(if $(ONCE),--once)

up: setup ## A center in real time, empty, until Ctrl-C
	@$(ONEWINDOW) up

catalogue: setup ## Publish the shipped catalogue in the running center
	@$(ONEWINDOW) catalogue publish

audit: setup ## Recompute everything from the running center's databases; status 1 on any breach
	@$(ONEWINDOW) audit

verify: setup ## Check the running center's public log as an outsider
	@$(ONEWINDOW) verify

##@ Change it
setup: ## The environment from the hashed lock (.venv)
	@deploy/setup.sh

test: ## All tests, from nothing (TESTS=tests/deploy for a part)
	@deploy/setup.sh browser
	@$(PYTHON) -m pytest -q $(TESTS)

check: setup ## Style and types
	@.venv/bin/ruff check libs services deploy tests
	@.venv/bin/mypy libs services deploy

format: setup ## Format the code
	@.venv/bin/ruff format libs services deploy tests

contracts: setup ## Write what follows from contracts/flow.yaml and the speakers' messages
	@$(PYTHON) -m deploy.contracts write

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
