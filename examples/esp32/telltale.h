/*
 * Signing for Telltale on a small device: fills the five-line template of docs/protocol.md and signs it with mbedTLS.
 * No heap of its own, no clock, no network; compiles unchanged in ESP-IDF (mbedTLS 3) and on Linux (mbedTLS 2.28).
 */
#ifndef TELLTALE_H
#define TELLTALE_H

#include <stddef.h>
#include <stdint.h>

#include "mbedtls/pk.h"

/* Room for the longest device id (128) and key id (32). */
#define TELLTALE_HEADERS_SIZE 800
#define TELLTALE_DIGEST_SIZE 64

/* Errors beside those of mbedTLS, which are negative too and smaller. */
#define TELLTALE_ERR_TOO_LONG (-1)
#define TELLTALE_ERR_DER (-2)

typedef struct {
  const char *device_id;
  const char *key_id;
  const char *api_key;
  mbedtls_pk_context *key;
  int (*random)(void *, unsigned char *, size_t);
  void *random_context;
  /* The next nonce. Set it with telltale_boot, keep it across reboots if the clock may jump back. */
  uint64_t nonce;
} telltale_device;

/* created * 2^20, never at or below the last nonce that was used (0 when none is known). */
void telltale_boot(telltale_device *device, uint64_t created_s, uint64_t last_nonce);

/*
 * Writes the header fields of one POST /v1/telemetry, each with its CRLF, and takes one nonce. The content must be sent
 * exactly as given here. To send the same reading again because the answer got lost, send the same header fields.
 * Returns the number of characters, or an error below 0.
 */
int telltale_sign(telltale_device *device, uint64_t created_s, const char *content, size_t content_length,
                  char headers[TELLTALE_HEADERS_SIZE]);

/* An ECDSA signature in DER, as mbedTLS makes it, to 64 bytes: r and s, big-endian. Returns 0, or TELLTALE_ERR_DER. */
int telltale_der_to_raw(const unsigned char *der, size_t length, unsigned char raw[64]);

#endif
