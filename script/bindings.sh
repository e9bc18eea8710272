#!/bin/sh
# Builds what other languages use of Sync Manager into dist/, or into the folder DIST: a shared library for C with its
# header, a wheel for Python, and one with the library inside, a package for npm, and a jar with its sources.
# Its arguments choose among them: library python node java. The same sources and tools make the same bytes.
# What it could not build on this machine is named at the end, one line each.
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- library python node java
mkdir -p "${DIST:-dist}"
dist=$(cd "${DIST:-dist}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
left_out=
leave_out() { left_out="${left_out}left out: $1
"; }
lacks() { ! command -v "$1" >/dev/null && leave_out "$2 (it needs $1)"; }

case $(go env GOOS) in
windows) library=libsyncmanager.dll ;;
darwin) library=libsyncmanager.dylib ;;
*) library=libsyncmanager.so ;;
esac

build_library() {
	lacks "$(go env CC | cut -d ' ' -f 1)" "the shared library" && return
	CGO_ENABLED=1 go build -trimpath -ldflags "-s -w" -buildmode=c-shared -o "$work/$library" ./bindings/c
	cp "$work/$library" bindings/c/syncmanager.h "$dist"
	echo "$dist/$library"
	echo "$dist/syncmanager.h"
}

build_python() {
	lacks python3 "the wheel" && return
	python3 bindings/python/wheel.py "$dist"
	# Only on Linux does the name of Python's platform say which processor the library is for.
	if [ -f "$work/$library" ] && [ "$library" = libsyncmanager.so ]; then
		python3 bindings/python/wheel.py "$dist" "$work/$library"
	else
		leave_out "the wheel with the library inside (it is built with the library, on Linux)"
	fi
}

build_node() {
	lacks npm "the package for npm" && return
	echo "$dist/$(cd bindings/node && npm pack --silent --pack-destination "$dist")"
}

build_java() {
	lacks javac "the jar" && return
	version=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' bindings/node/package.json)
	classes=$work/classes
	javac -Xlint:all -Werror --release 17 -d "$classes" bindings/java/src/module-info.java bindings/java/src/org/syncmanager/*.java
	if jdk=$(sh script/java22.sh); then
		"$jdk/bin/javac" -nowarn -source 22 -target 22 -cp "$classes" -d "$classes/META-INF/versions/22" bindings/java/src22/org/syncmanager/*.java
	else
		leave_out "the jar's door to the library ($jdk)"
	fi
	printf 'Multi-Release: true\nImplementation-Title: syncmanager\nImplementation-Version: %s\n' "$version" >"$work/manifest"
	pack "$dist/syncmanager-$version.jar" "$work/manifest" -C "$classes" .
	pack "$dist/syncmanager-$version-sources.jar" "$work/manifest" -C bindings/java/src . -C bindings/java src22
}

# pack makes a jar whose entries have one time.
pack() {
	jar=$1 manifest=$2
	shift 2
	jar --create --file "$jar" --date=1980-01-02T00:00:00Z --manifest "$manifest" "$@"
	echo "$jar"
}

for part; do
	case $part in
	library | python | node | java) "build_$part" ;;
	*)
		echo "usage: bindings.sh [library] [python] [node] [java], not \"$part\"" >&2
		exit 2
		;;
	esac
done
printf '%s' "$left_out"
