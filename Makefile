# Espalier. `make` alone prints the table below. Variables go before or after: `make up PORT=9000 ESPALIER_DATA=/somewhere`; make hands to its commands
# what it was given on its command line or found in the environment.

NODE = $(if $(wildcard .toolchain/node/bin/node),.toolchain/node/bin/node,node)

.PHONY: help setup demo up test test-faults clean distclean
.DEFAULT_GOAL := help

help: ## This table
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  make up PORT=9000 ESPALIER_DATA=/somewhere; bin/espalier doctor prints every variable.'

setup: ## Install Node, npm packages, TensorFlow with its binding, and Redis, where they are missing
	@scripts/setup.sh runtime

demo: setup ## Train and prune two networks on MNIST over HTTP, and print the receipts
	@$(NODE) --disable-warning=ExperimentalWarning examples/mnist/demo.ts

up: setup ## Run the service until ^C
	@exec bin/espalier up

test: ## Set up, then lint, types, import arrows, OpenAPI and all tests
	@scripts/setup.sh test
	@scripts/test.sh

test-faults: ## Jobs under faults, on SQLite and a folder, then on Postgres and S3; JOBS=200 SEED=1
	@scripts/setup.sh test
	@for stores in local remote; do $(NODE) --disable-warning=ExperimentalWarning test/faults/run.ts --stores $$stores --jobs $(or $(JOBS),200) --seed $(or $(SEED),1) || exit 1; done

clean: ## Remove what was made: ./data and ./out
	@rm -rf data out

distclean: clean ## Remove what was installed too: .toolchain and node_modules
	@rm -rf .toolchain node_modules
