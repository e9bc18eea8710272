# Read by firefox.sh, chromium.sh, nginx.sh and others, which find a program for the tests.

# usable sets $version to what the program says of itself.
usable() {
	path=$(command -v "$1") || return 1
	# A snap cannot see the temporary folders that the tests make.
	case $(readlink -f "$path") in /snap/* | */bin/snap) return 1 ;; esac
	version=$("$path" "$version_flag" 2>&1) && [ -n "$version" ]
}

find_one() {
	for candidate in "$@"; do
		if usable "$candidate"; then
			echo "$version" | tail -n 1
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

# obtain NAME PACKAGES CANDIDATE... finds one of the candidates, or installs one
# of the packages: on Debian and Ubuntu, when run as root. It prints the program's
# version and exits with 0, or prints why there is none, in one line, and exits
# with 1.
obtain() {
	name=$1 packages=$2
	shift 2
	find_one "$@" && exit 0
	if ! command -v apt-get >/dev/null; then
		echo "no $name is installed, and there is no apt-get to install one with"
		exit 1
	fi
	if [ "$(id -u)" != 0 ]; then
		echo "no $name is installed, and only root can install one: apt-get install ${packages%% *}"
		exit 1
	fi
	for package in $packages; do
		if apt install --no-install-recommends "$package" ||
			{ apt update && apt install --no-install-recommends "$package"; }; then
			find_one "$@" && exit 0
		fi
	done
	echo "apt-get could not install a $name that runs"
	exit 1
}

# only VARIABLE PATH is obtain where somebody named the program to test with.
only() {
	find_one "$2" && exit 0
	echo "$1=$2 does not run"
	exit 1
}

# unpack PACKAGE FOLDER PATH NAME finds NAME or PATH, or unpacks the package, which has
# PATH, into the folder. It prints the program's path and exits with 0, or prints why
# there is none, in one line, and exits with 1.
unpack() {
	for found in "$4" "$3"; do
		usable "$found" && echo "$path" && exit 0
	done
	if ! command -v apt-get >/dev/null; then
		echo "no $4 is installed, and there is no apt-get to get one with"
		exit 1
	fi
	(cd "$2" && { apt download "$1" || { apt update && apt download "$1"; }; } && dpkg -x "$1"_*.deb .) >&2
	if usable "$2$3"; then
		echo "$path"
		exit 0
	fi
	echo "no $4 is installed, and none that runs could be unpacked"
	exit 1
}
