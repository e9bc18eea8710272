#!/bin/sh
# Plays random stories with several devices (internal/test/sim) on all processors, and
# prints how many device-steps they had and what was found. Variables:
#   STEPS   how many device-steps, 1000000 if not set
#   SEED    the first story's seed, 1 if not set
#   LENGTH  about how many steps a story has, 80 if not set
#   FINDINGS  after how many findings to stop, 10 if not set
set -eu
cd "$(dirname "$0")/.."

# The stories' files are fastest in memory.
if [ -z "${TMPDIR:-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ]; then
	TMPDIR=/dev/shm
	export TMPDIR
fi
exec go test ./internal/test/sim -count=1 -timeout 0 -v -run '^TestSoak$' \
	-sim.steps "${STEPS:-1000000}" -sim.seed "${SEED:-1}" -sim.length "${LENGTH:-80}" -sim.findings "${FINDINGS:-10}"
