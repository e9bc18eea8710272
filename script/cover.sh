#!/bin/sh
# Shows what no test runs, by package, the least tested first: the tests of all
# packages but interop count for all packages. A folder as argument keeps the
# profile there, for go tool cover -html.
set -eu
cd "$(dirname "$0")/.."

dir=${1:-$(mktemp -d)}
[ -n "${1:-}" ] || trap 'rm -rf "$dir"' EXIT
module=$(go list -m)
SYNCMANAGER_WITHOUT_FIREFOX=1 SYNCMANAGER_WITHOUT_CHROMIUM=1
export SYNCMANAGER_WITHOUT_FIREFOX SYNCMANAGER_WITHOUT_CHROMIUM
# What only tests use is no product.
product=$(go list ./... | grep -v "/interop\$\|/internal/test/\|^$module/bench\|^$module/examples/" | tr '\n' ',')
go test -vet=off -coverpkg="${product%,}" -coverprofile="$dir/cover.out" \
	$(go list ./... | grep -v "/interop\$") >"$dir/log" || { grep -v '^ok\|no test files' "$dir/log"; exit 1; }

# A block that several tests ran is in the profile as often: it counts once.
awk -v module="$module/" 'NR > 1 {
	block = $1; statements[block] = $2; if ($3 > 0) ran[block] = 1
}
END {
	for (block in statements) {
		path = block; sub(/:.*/, "", path); sub(/\/[^\/]*$/, "", path)
		if (path "/" == module) path = "."; else path = substr(path, length(module) + 1)
		all[path] += statements[block]; total += statements[block]
		if (block in ran) { did[path] += statements[block]; done += statements[block] }
	}
	for (path in all) printf "%6.1f %% %6d statements untested  %s\n", 100 * did[path] / all[path], all[path] - did[path], path
	printf "%6.1f %% %6d statements untested  in all\n", 100 * done / total, total - done
}' "$dir/cover.out" | sort -n
