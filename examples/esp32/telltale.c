#include "telltale.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mbedtls/base64.h"
#include "mbedtls/md.h"
#include "mbedtls/version.h"

#define SHA256_SIZE 32
#define COORDINATE_SIZE 32

void telltale_boot(telltale_device *device, uint64_t created_s, uint64_t last_nonce) {
  uint64_t first = created_s << 20;
  device->nonce = first > last_nonce ? first : last_nonce + 1;
}

static int sha256(const void *data, size_t length, unsigned char hash[SHA256_SIZE]) {
  return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, length, hash);
}

/* One INTEGER of at most 32 significant bytes, right-aligned into 32. Advances *at. */
static int take_integer(const unsigned char **at, const unsigned char *end, unsigned char out[COORDINATE_SIZE]) {
  const unsigned char *p = *at;
  if (end - p < 2 || p[0] != 0x02 || p[1] == 0 || p[1] > COORDINATE_SIZE + 1) return TELLTALE_ERR_DER;
  size_t length = p[1];
  p += 2;
  if ((size_t)(end - p) < length || (p[0] & 0x80) != 0) return TELLTALE_ERR_DER;
  *at = p + length;
  if (p[0] == 0 && length > 1) { /* the sign byte */
    p++;
    length--;
  }
  if (length > COORDINATE_SIZE) return TELLTALE_ERR_DER;
  memset(out, 0, COORDINATE_SIZE - length);
  memcpy(out + COORDINATE_SIZE - length, p, length);
  return 0;
}

int telltale_der_to_raw(const unsigned char *der, size_t length, unsigned char raw[64]) {
  const unsigned char *at = der;
  const unsigned char *end = der + length;
  /* A P-256 signature is at most 72 bytes, so its length fits one byte. */
  if (length < 8 || at[0] != 0x30 || at[1] != length - 2) return TELLTALE_ERR_DER;
  at += 2;
  if (take_integer(&at, end, raw) != 0) return TELLTALE_ERR_DER;
  if (take_integer(&at, end, raw + COORDINATE_SIZE) != 0) return TELLTALE_ERR_DER;
  return at == end ? 0 : TELLTALE_ERR_DER;
}

static int sign_text(telltale_device *device, const char *text, size_t length, unsigned char raw[64]) {
  unsigned char hash[SHA256_SIZE];
  unsigned char der[80];
  size_t der_length = 0;
  int error = sha256(text, length, hash);
  if (error != 0) return error;
#if MBEDTLS_VERSION_MAJOR >= 3
  error = mbedtls_pk_sign(device->key, MBEDTLS_MD_SHA256, hash, sizeof hash, der, sizeof der, &der_length,
                          device->random, device->random_context);
#else
  error = mbedtls_pk_sign(device->key, MBEDTLS_MD_SHA256, hash, sizeof hash, der, &der_length, device->random,
                          device->random_context);
#endif
  return error != 0 ? error : telltale_der_to_raw(der, der_length, raw);
}

int telltale_sign(telltale_device *device, uint64_t created_s, const char *content, size_t content_length,
                  char headers[TELLTALE_HEADERS_SIZE]) {
  unsigned char hash[SHA256_SIZE];
  unsigned char raw[64];
  unsigned char digest[TELLTALE_DIGEST_SIZE];
  unsigned char signature[96];
  char params[384];
  char base[720];
  size_t written = 0;

  int error = sha256(content, content_length, hash);
  if (error == 0) error = mbedtls_base64_encode(digest, sizeof digest, &written, hash, sizeof hash);
  if (error != 0) return error;

  int length = snprintf(params, sizeof params,
                        "(\"@method\" \"@path\" \"content-type\" \"content-digest\");created=%" PRIu64
                        ";keyid=\"%s/%s\";nonce=\"%" PRIu64 "\";alg=\"ecdsa-p256-sha256\";tag=\"telemetry\"",
                        created_s, device->device_id, device->key_id, device->nonce);
  if (length < 0 || (size_t)length >= sizeof params) return TELLTALE_ERR_TOO_LONG;
  length = snprintf(base, sizeof base,
                    "\"@method\": POST\n\"@path\": /v1/telemetry\n\"content-type\": application/senml+json\n"
                    "\"content-digest\": sha-256=:%s:\n\"@signature-params\": %s",
                    digest, params);
  if (length < 0 || (size_t)length >= sizeof base) return TELLTALE_ERR_TOO_LONG;

  error = sign_text(device, base, (size_t)length, raw);
  if (error == 0) error = mbedtls_base64_encode(signature, sizeof signature, &written, raw, sizeof raw);
  if (error != 0) return error;

  length = snprintf(headers, TELLTALE_HEADERS_SIZE,
                    "X-API-Key: %s\r\nContent-Type: application/senml+json\r\nContent-Digest: sha-256=:%s:\r\n"
                    "Signature-Input: sig1=%s\r\nSignature: sig1=:%s:\r\n",
                    device->api_key, digest, params, signature);
  if (length < 0 || length >= TELLTALE_HEADERS_SIZE) return TELLTALE_ERR_TOO_LONG;
  device->nonce++;
  return length;
}
