#!/bin/sh
# Prints what an app's binary holds of each module, in bytes of code and data, and the size of
# the file. Its argument is the app's package, ./examples/notes if not given.
#
# Of each module that is what its symbols take. The tables that the runtime has of all
# functions and types are not told apart, and are counted with the standard library.
set -eu
cd "$(dirname "$0")/.."
app=${1:-./examples/notes}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
CGO_ENABLED=0 go build -trimpath -o "$dir/app" "$app"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$dir/stripped" "$app"
go list -deps -f '{{with .Module}}{{.Path}}{{end}}' "$app" | sort -u >"$dir/modules"
go tool nm -size "$dir/app" >"$dir/symbols"

awk -v size="$(wc -c <"$dir/stripped")" '
	NR == FNR { modules[$1]; next }
	$3 ~ /^[TtRrDd]$/ {
		# A symbol belongs to the module that its name mentions first: "type:*m/p.T".
		first = 0
		for (m in modules)
			if ((at = index($4, m)) && (!first || at < first || at == first && length(m) > length(of))) {
				first = at
				of = m
			}
		if (first) {
			sum[of] += $2
			all += $2
		}
	}
	END {
		for (m in modules) printf "%9d  %s\n", sum[m], m
		printf "%9d  the standard library, the runtime and its tables\n", size - all
		printf "%9d  the file, without what a debugger needs\n", size
	}' "$dir/modules" "$dir/symbols" | sort -rn
