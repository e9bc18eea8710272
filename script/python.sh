#!/bin/sh
# Finds a Python that has a version of a package of PyPI, or gives it to a Python of its own in the
# user's cache folder. Prints the path of that Python and exits with 0, or prints why there is none,
# in one line, and exits with 1.
#
#	python.sh PACKAGE VERSION MODULES FOLDER PYTHON
#
# MODULES are what the package has to import, FOLDER is the name in the cache. PYTHON, unless empty, is the one to take.
set -u

package=$1 version=$2 modules=$3 folder=$4 given=$5

usable() {
	"$1" -c "import importlib.metadata as m, $modules; assert m.version('$package') == '$version'" 2>/dev/null
}

if [ -n "$given" ]; then
	usable "$given" && echo "$given" && exit 0
	echo "$given has no $package $version"
	exit 1
fi
if ! command -v python3 >/dev/null; then
	echo "no Python is installed"
	exit 1
fi
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/syncmanager/$folder-$version
python=$folder/bin/python
if ! usable "$python"; then
	rm -rf "$folder"
	mkdir -p "$(dirname "$folder")"
	if ! { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 30 "$package==$version"; } >&2 ||
		! usable "$python"; then
		rm -rf "$folder"
		echo "pip could not install $package $version"
		exit 1
	fi
fi
echo "$python"
