#!/bin/sh
# Builds the command as static binaries into dist/, and their checksums beside them.
# VERSION names the version; without it, git does. PLATFORMS chooses among the
# platforms: "linux/amd64 linux/arm64".
set -eu
cd "$(dirname "$0")/.."

version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo devel)}
platforms=${PLATFORMS:-linux/amd64 linux/arm64 linux/arm darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 freebsd/amd64 freebsd/arm64}
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum="shasum -a 256"; fi

rm -rf dist
mkdir dist
for platform in $platforms; do
	system=${platform%/*} arch=${platform#*/}
	out=syncmanager-$system-$arch
	[ "$system" = windows ] && out=$out.exe
	echo "dist/$out"
	# GOARM=6: every Raspberry Pi runs it.
	CGO_ENABLED=0 GOOS=$system GOARCH=$arch GOARM=6 \
		go build -trimpath -ldflags "-s -w -X main.version=$version" -o "dist/$out" ./cmd/syncmanager
	(cd dist && $sum "$out") >>dist/SHA256SUMS
done
