# Onewindow. `make help` lists what can be done; everything runs from the environment `make setup` makes.
SHELL := /bin/sh
PYTHON := .venv/bin/python
ONEWINDOW := $(PYTHON) -m deploy.launcher
COMPOSED := $(PYTHON) -m deploy.compose
TESTS ?= tests
.DEFAULT_GOAL := help
SEEDS ?= 5
FAULTS ?= 300
.PHONY: help setup demo up audit verify catalogue test prove-backbone prove-operate bench check format contracts \
  compose-secrets compose-up compose-down test-compose test-generations lint-images sbom manifests lint-k8s

##@ See it
demo: setup ## The whole center with sixty applications; ONCE=1 ends after the audit; COMPOSE=1 in containers
	@$(if $(COMPOSE),$(COMPOSED) demo,$(ONEWINDOW) demo) $(if $(ONCE),--once)

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
	@deploy/setup.sh browser prometheus
	@$(PYTHON) -m pytest -q -n 2 --durations 15 $(TESTS)

prove-operate: ## What operators rely on, each figure beside its bound; QUICK=1 without containers
	@deploy/setup.sh prometheus
	@$(PYTHON) -m tests.operate $(if $(QUICK),--quick)

prove-backbone: setup ## Faults against the backbone: SEEDS=5 FAULTS=300, ONLY=seed:n,n replays; status 1 on any breach
	@$(PYTHON) -m tests.faults.campaign --seeds $(SEEDS) --faults $(FAULTS) $(if $(ONLY),--only $(ONLY))

bench: setup ## Figures and peers, checked and stored: WORKLOAD=standard|full_chain|http_door|peers|memory N=4 QUICK=1
	@tests/benchmarks/peers/environment.sh
	@$(PYTHON) -m tests.benchmarks $(if $(WORKLOAD),--workload $(WORKLOAD)) $(if $(N),--n $(N)) $(if $(QUICK),--quick)

check: setup ## Style and types
	@.venv/bin/ruff check libs services deploy tests
	@.venv/bin/mypy libs services deploy

format: setup ## Format the code
	@.venv/bin/ruff format libs services deploy tests

contracts: setup ## Write what follows from contracts/flow.yaml, the speakers' messages, the departments, the lock
	@$(PYTHON) -m deploy.contracts write
	@$(COMPOSED) write
	@$(PYTHON) -m deploy.locks write

##@ Run it in containers
compose-secrets: setup ## Passwords, keys and certificates for docker-compose.yml (kept, in .compose)
	@$(COMPOSED) secrets

compose-up: compose-secrets ## Build and start docker-compose.yml, until it is healthy
	@docker compose build && docker compose up --detach --wait

compose-down: ## End it; its data stays (docker compose down --volumes removes it)
	@docker compose down

test-compose: setup ## From nothing to a center in containers, its story, accidents, audit, nothing left
	@$(COMPOSED) prove

test-generations: setup ## The tests that talk to servers, on the machine's own and on containers'
	@$(PYTHON) -m deploy.servers.generations

lint-images: setup ## The Dockerfiles, by hadolint
	@deploy/images.sh lint

sbom: setup ## The bill of materials of the images (CycloneDX), in .run/images
	@deploy/images.sh sbom

manifests: setup ## Write what of k8s/ follows from departments, story and alerts
	@$(PYTHON) -m deploy.kubernetes write

lint-k8s: setup ## Checkov over both overlays as a cluster would get them
	@deploy/kubernetes/lint.sh

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
