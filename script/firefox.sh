#!/bin/sh
# Finds a Firefox that the tests can drive, or installs one: see obtain.sh.
set -u
. "$(dirname "$0")/obtain.sh"

version_flag=--version
[ -n "${SYNCMANAGER_FIREFOX:-}" ] && only SYNCMANAGER_FIREFOX "$SYNCMANAGER_FIREFOX"
# Ubuntu has no firefox-esr, and its firefox is a snap in disguise unless Mozilla's
# own archive is set up: whatever comes is tried.
obtain Firefox "firefox-esr firefox" firefox-esr firefox /Applications/Firefox.app/Contents/MacOS/firefox
