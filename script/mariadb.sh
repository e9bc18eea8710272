#!/bin/sh
# Finds MariaDB's server for the tests that need one, or installs that of Debian or Ubuntu when
# run as root, without starting it. Prints the path of mariadbd and exits with 0, or prints why
# there is none, in one line, and exits with 1. With the argument "find" it installs nothing.
set -u
. "$(dirname "$0")/obtain.sh"

# program prints the path of a server that has what the tests need.
program() {
	for server in "$(command -v mariadbd)" /usr/sbin/mariadbd /usr/local/sbin/mariadbd /usr/libexec/mariadbd; do
		[ -x "$server" ] && "$server" --no-defaults --version >/dev/null 2>&1 || continue
		command -v mariadb-install-db >/dev/null && echo "$server" && return 0
	done
	return 1
}

program && exit 0
if [ "${1:-}" = find ]; then
	echo "no MariaDB server is installed"
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "no MariaDB server is installed, and there is no apt-get to install one with"
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "no MariaDB server is installed, and only root can install one: apt-get install mariadb-server-core mariadb-client-core"
	exit 1
fi
# The core packages have the programs, and start no service.
apt install --no-install-recommends mariadb-server-core mariadb-client-core ||
	{ apt update && apt install --no-install-recommends mariadb-server-core mariadb-client-core; }
program && exit 0
echo "apt-get could not install a MariaDB server that runs"
exit 1
