#!/bin/sh
# Finds a Python that has openapi-spec-validator, which checks api/openapi.json, or gives
# one to a Python of its own in the user's cache folder. Prints the path of that Python and
# exits with 0, or prints why there is none, in one line, and exits with 1.
set -u

version=0.9.0

usable() {
	"$1" -c "import importlib.metadata as m, openapi_spec_validator, jsonschema; assert m.version('openapi-spec-validator') == '$version'" 2>/dev/null
}

if [ -n "${SYNCMANAGER_OPENAPI:-}" ]; then
	usable "$SYNCMANAGER_OPENAPI" && echo "$SYNCMANAGER_OPENAPI" && exit 0
	echo "SYNCMANAGER_OPENAPI=$SYNCMANAGER_OPENAPI has no openapi-spec-validator $version"
	exit 1
fi
if ! command -v python3 >/dev/null; then
	echo "no Python is installed"
	exit 1
fi
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/syncmanager/openapi-$version
python=$folder/bin/python
if ! usable "$python"; then
	rm -rf "$folder"
	mkdir -p "$(dirname "$folder")"
	if ! { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 30 "openapi-spec-validator==$version"; } >&2 ||
		! usable "$python"; then
		rm -rf "$folder"
		echo "pip could not install openapi-spec-validator $version"
		exit 1
	fi
fi
echo "$python"
