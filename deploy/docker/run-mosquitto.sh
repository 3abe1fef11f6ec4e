#!/bin/sh
# Runs Mosquitto, and has it read its logins again when they have changed. Nobody else signals it: a container that shared its
# processes to do so would end with it, and Docker would not always start it again.
set -eu
config="$1"
logins="${LOGINS:-/mosquitto/logins}"

content() { cksum "$logins/passwords" "$logins/acl" 2>/dev/null || true; }

# Before it catches SIGHUP, Mosquitto would end by it.
catches_hangup() { grep -q '^SigCgt:.*[13579bdf]$' "/proc/$broker/status" 2>/dev/null; }

read_content="$(content)"
mosquitto -c "$config" &
broker=$!
trap 'kill -TERM "$broker"' TERM INT
while kill -0 "$broker" 2>/dev/null; do
  sleep 0.5 &
  wait $! || true
  now="$(content)"
  if [ "$now" != "$read_content" ] && catches_hangup && kill -HUP "$broker"; then
    read_content="$now"
  fi
done
wait "$broker"
