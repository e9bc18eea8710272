#!/bin/sh
# Runs the tests that know -long, with it: more random cases, larger inputs.
set -eu
cd "$(dirname "$0")/.."

long=$(go list -m)/internal/test/long
go test -count=1 -timeout 2h -v -run "${RUN:-.}" $(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... |
	awk -v long="$long" 'index($0, long "]") || index($0, long " ") { print $1 }' | grep -v "^$long\$") -long
