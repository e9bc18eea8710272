#!/bin/sh
# Runs the tests that know -long, with it: more random cases, larger inputs. RUN
# chooses among them.
set -eu
cd "$(dirname "$0")/.."

# All test binaries with internal/test/long in them have the flag.
long=$(go list -m)/internal/test/long
packages=$(go list -test -f '{{if .ForTest}}{{.ForTest}} {{join .Deps " "}} {{end}}' ./... |
	awk -v long=" $long " 'index($0, long) { print $1 }' | sort -u)
go test -count=1 -timeout 2h -run "${RUN:-.}" $packages -long
