# Everything a contributor calls. The work is done in script/, in plain sh.

.PHONY: help test soak bench lint build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

test: ## run every test, with a real Firefox and Chromium; installs them on Debian and Ubuntu when run as root
	@sh script/test.sh

soak: ## play random stories with several devices, for long: STEPS=1000000 SEED=1
	@sh script/soak.sh

bench: ## measure; the figures are in bench/README.md
	@sh script/bench.sh

lint: ## run golangci-lint, built from the version in tools.mod
	go tool -modfile=tools.mod golangci-lint run ./...

build: ## build static binaries for every system into dist/, with their checksums
	@sh script/build.sh

clean: ## remove what make build made
	rm -rf dist
