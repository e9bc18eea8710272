#!/bin/sh
# Finds a Firefox that the tests can drive, or installs one: on Debian and Ubuntu,
# when run as root. Prints its version and exits with 0, or prints why there is
# none, in one line, and exits with 1.
set -u

usable() {
	path=$(command -v "$1") || return 1
	# A snap cannot see the temporary folders that the tests put profiles in.
	case $(readlink -f "$path") in /snap/* | */bin/snap) return 1 ;; esac
	version=$("$path" --version 2>/dev/null) && [ -n "$version" ]
}

find_firefox() {
	for name in ${SYNCMANAGER_FIREFOX:-firefox-esr firefox /Applications/Firefox.app/Contents/MacOS/firefox}; do
		if usable "$name"; then
			echo "$version"
			return 0
		fi
	done
	return 1
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=1 \
		-o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@" >&2
}

find_firefox && exit 0
if [ -n "${SYNCMANAGER_FIREFOX:-}" ]; then
	echo "SYNCMANAGER_FIREFOX=$SYNCMANAGER_FIREFOX does not run"
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "no Firefox is installed, and there is no apt-get to install one with"
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "no Firefox is installed, and only root can install one: apt-get install firefox-esr"
	exit 1
fi
# Ubuntu has no firefox-esr, and its firefox is a snap in disguise unless Mozilla's
# own archive is set up: whatever comes is tried.
for package in firefox-esr firefox; do
	if apt install --no-install-recommends "$package" ||
		{ apt update && apt install --no-install-recommends "$package"; }; then
		find_firefox && exit 0
	fi
done
echo "apt-get could not install a Firefox that runs"
exit 1
