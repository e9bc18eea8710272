#!/bin/sh
# Runs gofmt, go vet and every test. What had to be left out on this machine is
# named at the end, one line each. Exits with 1 if anything failed.
set -eu
cd "$(dirname "$0")/.."

# go needs a home for its caches; a bare service account may have none.
if [ -z "${HOME:-}" ]; then
	HOME=$(mktemp -d)
	export HOME
fi

left_out=
leave_out() { left_out="${left_out}left out: $1
"; }

failed=
run() { "$@" || failed="$failed
failed: $*"; }

echo "== gofmt"
badly=$("$(go env GOROOT)/bin/gofmt" -l .)
if [ -n "$badly" ]; then
	echo "$badly"
	failed="$failed
failed: gofmt -w would change the files above"
fi

echo "== go vet"
run go vet ./...

# A real Firefox is the other device of the interop tests.
if [ "${SYNCMANAGER_WITHOUT_FIREFOX:-}" = 1 ]; then
	leave_out "the tests with a real Firefox (SYNCMANAGER_WITHOUT_FIREFOX=1 is set)"
elif why=$(sh script/firefox.sh); then
	echo "== Firefox: $why"
else
	export SYNCMANAGER_WITHOUT_FIREFOX=1
	leave_out "the tests with a real Firefox ($why)"
fi

# The packages for other languages, which script/bindings.sh builds, tell a story each.
for program in python3 node javac cc; do
	command -v $program >/dev/null || leave_out "the package in bindings that needs $program"
done
if command -v python3 >/dev/null && ! python3 -m pip --version >/dev/null 2>&1; then
	leave_out "the wheel (python3 has no pip)"
fi
if SYNCMANAGER_JAVA22=$(sh script/java22.sh); then
	export SYNCMANAGER_JAVA22
	echo "== Java 22 or newer: $SYNCMANAGER_JAVA22"
else
	leave_out "the library from Java ($SYNCMANAGER_JAVA22)"
	unset SYNCMANAGER_JAVA22
fi
if SYNCMANAGER_NPM=$(sh script/npm.sh); then
	export SYNCMANAGER_NPM
	echo "== koffi and TypeScript: $SYNCMANAGER_NPM"
else
	leave_out "the library from node, and the types of TypeScript ($SYNCMANAGER_NPM)"
	unset SYNCMANAGER_NPM
fi

# The agent is checked by systemd's verifier, and on a bus of its own.
for program in systemd-analyze dbus-daemon; do
	command -v $program >/dev/null || leave_out "the test of the agent that needs $program"
done

# A validator of others reads the description of the API.
if SYNCMANAGER_OPENAPI=$(sh script/openapi.sh); then
	export SYNCMANAGER_OPENAPI
	echo "== OpenAPI: $SYNCMANAGER_OPENAPI"
else
	leave_out "the validator of the API's description ($SYNCMANAGER_OPENAPI)"
	unset SYNCMANAGER_OPENAPI
fi

# Mozilla's own client library is another client of the accounts server.
if SYNCMANAGER_PYFXA=$(sh script/pyfxa.sh); then
	export SYNCMANAGER_PYFXA
	echo "== PyFxA: $SYNCMANAGER_PYFXA"
else
	leave_out "the tests with PyFxA ($SYNCMANAGER_PYFXA)"
	unset SYNCMANAGER_PYFXA
fi

# A real Chromium is the other browser that the server's pages are tested in.
if [ "${SYNCMANAGER_WITHOUT_CHROMIUM:-}" = 1 ]; then
	leave_out "the tests with a real Chromium (SYNCMANAGER_WITHOUT_CHROMIUM=1 is set)"
elif why=$(sh script/chromium.sh); then
	echo "== Chromium: $why"
else
	export SYNCMANAGER_WITHOUT_CHROMIUM=1
	leave_out "the tests with a real Chromium ($why)"
fi

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
if why=$(sh script/nginx.sh "$unpacked"); then
	SYNCMANAGER_NGINX=$why
	export SYNCMANAGER_NGINX
	echo "== nginx: $why"
else
	leave_out "the tests with nginx ($why)"
fi
if why=$(sh script/caddy.sh "$unpacked"); then
	SYNCMANAGER_CADDY=$why
	export SYNCMANAGER_CADDY
	echo "== Caddy: $why"
else
	leave_out "the tests with Caddy ($why)"
fi

# PostgreSQL is the other storage of the server.
if SYNCMANAGER_POSTGRES=$(sh script/postgres.sh); then
	export SYNCMANAGER_POSTGRES
	echo "== PostgreSQL: $SYNCMANAGER_POSTGRES"
else
	leave_out "the tests with PostgreSQL ($SYNCMANAGER_POSTGRES)"
	unset SYNCMANAGER_POSTGRES
fi
# MariaDB has the databases of servers that are taken over.
if SYNCMANAGER_MARIADB=$(sh script/mariadb.sh); then
	export SYNCMANAGER_MARIADB
	echo "== MariaDB: $SYNCMANAGER_MARIADB"
else
	leave_out "the tests with MariaDB ($SYNCMANAGER_MARIADB)"
	unset SYNCMANAGER_MARIADB
fi
[ "$(id -u)" = 0 ] || leave_out "the container's root folder, and the server in little memory (only root can make them)"

# The race detector needs cgo and a C compiler that works, and is not on every
# platform: ask by using it. SQLite, translated from C, is 30 times slower under
# it and has no goroutines of its own, so it is built without; so are the primitives
# of cryptography, where stretching a password takes 650,000 rounds, and scrypt 64 MiB
# (six times as long under it). But nothing that uses a sync.Map: such a package has
# an instance of the map behind it, which the linker may take for everybody, and then
# the detector sees races in encoding/json that are none.
trial=$(mktemp -d)
echo 'package main; func main() {}' >"$trial/main.go"
if CGO_ENABLED=1 go build -race -o "$trial/main" "$trial/main.go" 2>/dev/null && "$trial/main" 2>/dev/null; then
	CGO_ENABLED=1
	export CGO_ENABLED
	race=-race
	for without in modernc.org/libc/... modernc.org/sqlite/lib modernc.org/memory \
		crypto/internal/fips140/... golang.org/x/crypto/scrypt "$(go list -m)/internal/scrypt"; do
		race="$race -gcflags=$without=-race=false"
	done
else
	race=
	leave_out "the race detector (it needs a C compiler that Go can use)"
fi
rm -rf "$trial"

# What runs without the race detector, and why:
# - cmd/syncmanager tells its stories with some thousand processes, each of which
#   takes five times as long to start and end under it. The goroutines in them are
#   those of the packages below, whose own tests have it. The stories in raced_stories
#   have it too: those with most at once.
# - in interop the browsers do the work, and what answers them is tested in its package;
# - bench/ is about memory and counts, which the detector changes;
# - exchange, tree and rawjson have no goroutines.
module=$(go list -m)
plain="bench cmd/syncmanager engines/bookmarks/internal/tree engines/internal/exchange internal/rawjson"
raced_stories="commands|locked|login_browser|send_tab|serve|serve_first|server_backup|two_devices|undo"

# in_plain and the rest of ./... but interop, by import path.
in_plain=
for p in $plain; do in_plain="$in_plain $module/$p"; done
raced=
for p in $(go list ./...); do
	case " $in_plain $module/interop " in
	*" $p "*) ;;
	*) raced="$raced $p" ;;
	esac
done

# -count=1: a Firefox that changed is nothing that go's test cache would notice.
# -vet=off: vet ran above.
tests="go test -count=1 -vet=off -timeout 40m"

# The browsers wait most of the time: beside them the processors do the rest. All of their tests
# run once on each database; they depend on how many browsers wait at once, not on the processors.
browsers() {
	trap 'kill $running 2>/dev/null; exit 1' TERM
	status=0
	for on_postgres in 0 ${SYNCMANAGER_POSTGRES:+1}; do
		SYNCMANAGER_TEST_ON_POSTGRES=$on_postgres $tests -parallel 4 "$module/interop" &
		running=$!
		wait $running || status=1
	done
	return $status
}
browsers >"$unpacked/interop" 2>&1 &
interop=$!
# What the trap's last command returns is not what the script exits with, but a failing
# one in it would be: kill fails when the browsers are done.
trap 'kill $interop 2>/dev/null || true; rm -rf "$unpacked"' EXIT

echo "== go test"
run $tests $in_plain
if [ -n "$race" ]; then
	echo "== go test -race"
	run $tests $race $raced
	run $tests $race -run "./^($raced_stories)\$" "$module/cmd/syncmanager"
else
	run $tests $raced
fi

if [ -n "${SYNCMANAGER_POSTGRES:-}" ]; then
	echo "== go test on PostgreSQL"
	SYNCMANAGER_TEST_ON_POSTGRES=1
	export SYNCMANAGER_TEST_ON_POSTGRES
	run $tests "$module/server" "$module/server/accounts" "$module/internal/test/testenv"
	unset SYNCMANAGER_TEST_ON_POSTGRES
fi

echo "== go test with the browsers"
wait $interop || failed="$failed
failed: $tests $module/interop"
cat "$unpacked/interop"

printf '%s' "$left_out"
if [ -n "$failed" ]; then
	echo "$failed"
	exit 1
fi
echo "all tests passed"
