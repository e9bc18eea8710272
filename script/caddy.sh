#!/bin/sh
# Finds a Caddy to try deploy/Caddyfile.scale with, or unpacks the one of Debian or
# Ubuntu into the folder $1: installed, it would begin to serve. Prints its path
# and exits with 0, or prints why there is none, in one line, and exits with 1.
set -u
. "$(dirname "$0")/obtain.sh"

version_flag=version
unpack caddy "$1" /usr/bin/caddy caddy
