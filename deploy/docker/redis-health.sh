#!/bin/sh
# Succeeds when Redis can be used. Else it says whether Redis still loads its file, and for how long, or what is wrong.
set -eu
REDISCLI_AUTH="$(cat "${SECRETS:-/secrets/redis}/password")"
export REDISCLI_AUTH
ask() { redis-cli -p "${PORT:-6379}" "$@" 2>&1 || true; }

answer="$(ask ping)"
case "$answer" in
  PONG)
    echo PONG
    exit 0
    ;;
  LOADING*)
    progress="$(ask info persistence | tr -d '\r')"
    of() { echo "$progress" | sed -n "s/^$1://p"; }
    echo "loading: $(of loading_loaded_perc)% loaded, $(of loading_eta_seconds) s left"
    ;;
  *) echo "no answer: $answer" ;;
esac
exit 1
