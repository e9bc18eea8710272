#!/bin/sh
# Finds an nginx to try deploy/nginx.conf with, or unpacks the one of Debian or
# Ubuntu into the folder $1: installed, it would begin to serve. Prints its path
# and exits with 0, or prints why there is none, in one line, and exits with 1.
set -u
. "$(dirname "$0")/obtain.sh"

version_flag=-v
unpack nginx "$1" /usr/sbin/nginx nginx
