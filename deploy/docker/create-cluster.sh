#!/bin/sh
# Makes a Redis Cluster, one replica for each master, of the servers that it is given (host:port each); leaves one that is there.
set -eu
REDISCLI_AUTH="$(cat "${SECRETS:-/secrets/redis}/password")"
export REDISCLI_AUTH
first="$1"
if redis-cli -h "${first%:*}" -p "${first##*:}" cluster info | grep -q '^cluster_slots_assigned:16384'; then
  echo 'The cluster is there.'
  exit 0
fi
redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
