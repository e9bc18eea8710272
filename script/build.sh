#!/bin/sh
# Builds the command as static binaries into dist/. VERSION names the version;
# without it, git does.
set -eu
cd "$(dirname "$0")/.."

version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo devel)}
mkdir -p dist
for system in linux darwin windows freebsd; do
	for arch in amd64 arm64; do
		out=dist/syncmanager-$system-$arch
		[ "$system" = windows ] && out=$out.exe
		echo "$out"
		CGO_ENABLED=0 GOOS=$system GOARCH=$arch \
			go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$out" ./cmd/syncmanager
	done
done
