#!/bin/sh
# Runs every benchmark, then every measuring program in bench/.
set -eu
cd "$(dirname "$0")/.."

go test -run '^$' -bench . -benchmem -timeout 2h ./...
for program in $(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./...); do
	case $program in
	"$(go list -m)"/bench | "$(go list -m)"/bench/*)
		echo "== go run $program"
		go run "$program"
		;;
	esac
done
