#!/bin/sh
# Finds a Chromium that the tests can drive, or installs one: see obtain.sh.
set -u
. "$(dirname "$0")/obtain.sh"

version_flag=--version
[ -n "${SYNCMANAGER_CHROMIUM:-}" ] && only SYNCMANAGER_CHROMIUM "$SYNCMANAGER_CHROMIUM"
# Ubuntu's chromium is a snap: there it takes Google's own package.
obtain Chromium chromium chromium google-chrome-stable google-chrome \
	/Applications/Chromium.app/Contents/MacOS/Chromium "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
