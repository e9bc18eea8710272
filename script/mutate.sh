#!/bin/sh
# Changes the code of a few packages at one place at a time, and sees whether their own
# tests notice: those that decide what is merged, what goes up, and who is let in. Prints
# what no test noticed. Variables:
#   PACKAGES  which packages, by their folders
#   WORKERS   how many at once, 2 if not set
set -eu
cd "$(dirname "$0")/.."

for package in ${PACKAGES:-internal/mirror engines/bookmarks/internal/tree sync15 seal internal/hawk server/accounts/internal/secondfactor server/accounts/internal/limiter}; do
	echo "== $package"
	# A mutant that hangs is killed after some times as long as the tests take.
	go tool -modfile=tools.mod gremlins unleash --workers "${WORKERS:-2}" --test-cpu 1 --timeout-coefficient 5 --invert-logical --output-statuses lt "./$package"
done
