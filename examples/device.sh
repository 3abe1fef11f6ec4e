#!/usr/bin/env bash
# A device in shell: bash, curl and openssl are all it takes. It keeps its key, its last nonce and its last request in a
# folder named after the device. docs/protocol.md explains every line.
#
#   examples/device.sh key  <device id>                           make a key pair; prints the file of the public key
#   API_KEY=tt_... examples/device.sh post <device id> <metric> <unit> <value>
#                                                                 sign one reading, post it, print the answer
#   API_KEY=tt_... examples/device.sh post <device id> -          the same with a SenML pack from standard input
#   examples/device.sh again <device id>                          send the last request once more, byte for byte
#
# INGEST_URL    default http://127.0.0.1:8080
# KEY_ID        default 1
# CREATED       default now, Unix seconds; another value shows what a wrong clock gets
set -euo pipefail

die() { echo "device.sh: $*" >&2; exit 1; }

url=${INGEST_URL:-http://127.0.0.1:8080}/v1/telemetry
command=${1:-} device=${2:-}
if [ -z "$command" ] || [ -z "$device" ]; then sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2; fi

# A DER INTEGER as 32 bytes in hex: without its sign byte, with its leading zeros.
fixed32() { local hex="0000000000000000000000000000000000000000000000000000000000000000$1"; echo "${hex: -64}"; }

# stdin -> 64 bytes r||s in base64. openssl signs in DER; RFC 9421 wants the two numbers.
sign() {
  local r s hex
  { read -r r; read -r s; } < <(openssl dgst -sha256 -sign "$device/key.pem" | openssl asn1parse -inform DER |
    sed -n 's/.*INTEGER *://p')
  hex=$(fixed32 "$r")$(fixed32 "$s")
  printf '%b' "$(echo "$hex" | sed 's/../\\x&/g')" | openssl base64 -A
}

# At boot created * 2^20, then one more for each request; never one that was used before.
next_nonce() {
  local nonce=$(($1 * 1048576)) last=-1
  [ -f "$device/nonce" ] && last=$(cat "$device/nonce")
  [ "$nonce" -gt "$last" ] || nonce=$((last + 1))
  echo "$nonce" >"$device/nonce"
  echo "$nonce"
}

send() {
  curl --silent --show-error --request POST --header @"$device/headers" --data-binary @"$device/body" \
    --write-out '\n%{http_code}\n' "$url"
}

case $command in
key)
  [ ! -e "$device/key.pem" ] || die "$device/key.pem exists; a device keeps its key"
  mkdir -p "$device" && chmod 700 "$device"
  openssl ecparam -name prime256v1 -genkey -noout -out "$device/key.pem"
  openssl ec -in "$device/key.pem" -pubout -out "$device/public.pem" 2>/dev/null
  echo "$device/public.pem"
  ;;
post)
  [ "${3:-}" = - ] || [ $# -eq 5 ] || die "post needs a metric, a unit and a value, or - for a pack from standard input"
  [ -n "${API_KEY:-}" ] || die "set API_KEY to the API key of the device"
  [ -f "$device/key.pem" ] || die "no key yet: examples/device.sh key $device"
  created=${CREATED:-$(date +%s)}
  if [ "$3" = - ]; then cat; else printf '[{"n":"%s","u":"%s","v":%s}]' "$3" "$4" "$5"; fi >"$device/body"
  digest="sha-256=:$(openssl dgst -sha256 -binary <"$device/body" | openssl base64 -A):"
  params="(\"@method\" \"@path\" \"content-type\" \"content-digest\");created=$created"
  params="$params;keyid=\"$device/${KEY_ID:-1}\";nonce=\"$(next_nonce "$created")\""
  params="$params;alg=\"ecdsa-p256-sha256\";tag=\"telemetry\""
  signature=$(printf '"@method": POST\n"@path": /v1/telemetry\n"content-type": application/senml+json\n"content-digest": %s\n"@signature-params": %s' \
    "$digest" "$params" | sign)
  cat >"$device/headers" <<HEADERS
X-API-Key: $API_KEY
Content-Type: application/senml+json
Content-Digest: $digest
Signature-Input: sig1=$params
Signature: sig1=:$signature:
HEADERS
  send
  ;;
again)
  [ -f "$device/headers" ] || die "nothing was posted yet"
  send
  ;;
*) die "no such command: $command (key, post or again)" ;;
esac
