#!/bin/sh
# The quick part of test.sh, for every commit: gofmt, go vet, and all tests that need
# no browser, without the race detector. What passed before and has not changed is
# not run again.
set -eu
cd "$(dirname "$0")/.."

badly=$("$(go env GOROOT)/bin/gofmt" -l .)
if [ -n "$badly" ]; then
	echo "$badly"
	echo "gofmt -w would change the files above"
	exit 1
fi
go vet ./...

SYNCMANAGER_WITHOUT_FIREFOX=1 SYNCMANAGER_WITHOUT_CHROMIUM=1
export SYNCMANAGER_WITHOUT_FIREFOX SYNCMANAGER_WITHOUT_CHROMIUM
if SYNCMANAGER_POSTGRES=$(sh script/postgres.sh find); then
	export SYNCMANAGER_POSTGRES
else
	echo "left out: the tests with PostgreSQL ($SYNCMANAGER_POSTGRES)"
	unset SYNCMANAGER_POSTGRES
fi
if SYNCMANAGER_MARIADB=$(sh script/mariadb.sh find); then
	export SYNCMANAGER_MARIADB
else
	echo "left out: the tests with MariaDB ($SYNCMANAGER_MARIADB)"
	unset SYNCMANAGER_MARIADB
fi
go test -vet=off $(go list ./... | grep -v '/interop$')
echo "the quick tests passed; make test runs all"
