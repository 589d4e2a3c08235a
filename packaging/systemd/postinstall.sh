#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# A service that runs is restarted by its operator, when that suits.
fi
cat <<'TEXT'
jeton: set JETON_ISSUER and JETON_AUDIENCE in /etc/jeton/jeton.env, then
jeton:   systemctl enable --now jeton
TEXT
