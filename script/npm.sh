#!/bin/sh
# Finds a folder whose node_modules has koffi, by which node calls C, and TypeScript's compiler, or makes one in the user's
# cache. Prints the folder and exits with 0, or prints why there is none, in one line, and exits with 1. With the argument
# "find" it makes none.
set -u

packages="koffi@3.3.4 typescript@7.0.2 @types/node@20.19.43"

if [ -n "${SYNCMANAGER_NPM:-}" ]; then
	[ -d "$SYNCMANAGER_NPM/node_modules/koffi" ] && echo "$SYNCMANAGER_NPM" && exit 0
	echo "SYNCMANAGER_NPM=$SYNCMANAGER_NPM has no koffi"
	exit 1
fi
for program in node npm; do
	if ! command -v $program >/dev/null; then
		echo "no $program is installed"
		exit 1
	fi
done
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/syncmanager/npm
if [ "$(cat "$folder/packages" 2>/dev/null)" != "$packages" ]; then
	if [ "${1:-}" = find ]; then
		echo "koffi and TypeScript are not in $folder"
		exit 1
	fi
	rm -rf "$folder"
	mkdir -p "$folder"
	# koffi's programs are in packages of their own, so that no script has to run.
	# shellcheck disable=SC2086
	if ! npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --fetch-retries 1 $packages >&2; then
		rm -rf "$folder"
		echo "npm could not install $packages"
		exit 1
	fi
	echo "$packages" >"$folder/packages"
fi
echo "$folder"
