#!/bin/sh
# Finds PostgreSQL's programs for the tests that need its server, or installs those of
# Debian or Ubuntu when run as root, without a database of their own. Prints their folder
# and exits with 0, or prints why there is none, in one line, and exits with 1. With the
# argument "find" it installs nothing.
set -u
. "$(dirname "$0")/obtain.sh"

# programs prints the folder of the newest version that has what the tests need.
programs() {
	for server in $(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -t/ -k5 -nr) "$(command -v postgres)"; do
		[ -x "$server" ] || continue
		folder=$(dirname "$(readlink -f "$server")")
		[ -x "$folder/initdb" ] && "$server" --version >/dev/null 2>&1 && echo "$folder" && return 0
	done
	return 1
}

programs && exit 0
if [ "${1:-}" = find ]; then
	echo "no PostgreSQL server is installed"
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "no PostgreSQL server is installed, and there is no apt-get to install one with"
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "no PostgreSQL server is installed, and only root can install one: apt-get install postgresql"
	exit 1
fi
# The package makes a database and starts a server, unless it is told not to.
settings=/etc/postgresql-common/createcluster.d
mkdir -p "$settings"
echo "create_main_cluster = false" >"$settings/syncmanager-tests.conf"
trap 'rm -f "$settings/syncmanager-tests.conf"' EXIT
apt install --no-install-recommends postgresql ||
	{ apt update && apt install --no-install-recommends postgresql; }
programs && exit 0
echo "apt-get could not install a PostgreSQL server that runs"
exit 1
