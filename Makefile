# Espalier. `make` alone prints the table below. Variables go before or after: `make up PORT=9000 ESPALIER_DATA=/somewhere`; make hands to its commands
# what it was given on its command line or found in the environment.

NODE = $(if $(wildcard .toolchain/node/bin/node),.toolchain/node/bin/node,node)

.PHONY: help setup demo up test clean distclean
.DEFAULT_GOAL := help

help: ## This table
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
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

clean: ## Remove what was made: ./data and ./out
	@rm -rf data out

distclean: clean ## Remove what was installed too: .toolchain and node_modules
	@rm -rf .toolchain node_modules
