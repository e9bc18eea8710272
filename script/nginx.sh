#!/bin/sh
# Finds an nginx to try deploy/nginx.conf with, or unpacks the one of Debian or
# Ubuntu into the folder $1: installed, it would begin to serve. Prints its path
# and exits with 0, or prints why there is none, in one line, and exits with 1.
set -u
. "$(dirname "$0")/obtain.sh"

version_flag=-v
for nginx in nginx /usr/sbin/nginx; do
	usable "$nginx" && echo "$path" && exit 0
done
if ! command -v apt-get >/dev/null; then
	echo "no nginx is installed, and there is no apt-get to get one with"
	exit 1
fi
(cd "$1" && { apt download nginx || { apt update && apt download nginx; }; } && dpkg -x nginx_*.deb .) >&2
if usable "$1/usr/sbin/nginx"; then
	echo "$path"
	exit 0
fi
echo "no nginx is installed, and none that runs could be unpacked"
exit 1
