#!/bin/sh
# Counts what a record costs on its ways, and compares with bench/baseline.json. Instructions are
# counted by valgrind, which is installed on Debian and Ubuntu when run as root; without it, only
# allocations are. After a change that is meant: go run ./bench check -update
set -eu
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	apt-get install -y -qq valgrind >/dev/null 2>&1 || true
fi
exec go run ./bench check "$@"
