# Everything a contributor calls. The work is done in script/, in plain sh.

.PHONY: help check test long cover mutate soak bench bench-check lint build bindings clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

test: ## run every test, with a real Firefox and Chromium; installs them on Debian and Ubuntu when run as root
	@sh script/test.sh

check: ## run every test that needs no browser, without the race detector, in two minutes
	@sh script/check.sh

long: ## try more random cases and larger inputs than make test does; RUN=REGEXP chooses the tests
	@sh script/long.sh

cover: ## show what no test runs, by package, the least tested first
	@sh script/cover.sh

mutate: ## change the code in one place at a time, and print what no test notices; PACKAGES=FOLDERS
	@sh script/mutate.sh

soak: ## play random stories with several devices, for long: STEPS=1000000 SEED=1
	@sh script/soak.sh

bench: ## measure; the figures are in bench/README.md
	@sh script/bench.sh

bench-check: ## fail if a record costs more than a tenth more than in bench/baseline.json, by instructions and allocations
	@sh script/bench-check.sh

lint: ## run golangci-lint, built from the version in tools.mod
	go tool -modfile=tools.mod golangci-lint run ./...

build: ## build static binaries for every system into dist/, with their checksums
	@sh script/build.sh

bindings: ## build the wheel, the npm package, the jar and the shared library into dist/; PARTS="python java" chooses
	@sh script/bindings.sh $(PARTS)

clean: ## remove what make build and make bindings made
	rm -rf dist
