#!/bin/sh
set -e
# $1: "remove" for deb, 0 for rpm; anything else is an upgrade.
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now jeton.socket jeton || true
	fi
	;;
esac
