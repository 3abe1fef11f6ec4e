/*
 * A device on a Linux machine: reads its key, signs one reading and posts it. On an ESP32 the same calls of telltale.h
 * stand in the firmware, with esp_fill_random, SNTP and lwIP in place of what this file uses.
 *
 *   post <host> <port> <device id> <key id> <key.pem> <api key> <content> [<created> <last nonce>]
 *
 * Prints the answer of the server; the exit code is 0 for a 202.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/entropy.h"
#include "mbedtls/version.h"
#include "telltale.h"

static int open_connection(const char *host, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
  int connection = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
  if (connection >= 0 && connect(connection, found->ai_addr, found->ai_addrlen) != 0) {
    close(connection);
    connection = -1;
  }
  freeaddrinfo(found);
  return connection;
}

static int send_all(int connection, const char *data, size_t length) {
  while (length > 0) {
    ssize_t sent = send(connection, data, length, 0);
    if (sent <= 0) return -1;
    data += sent;
    length -= (size_t)sent;
  }
  return 0;
}

/* Whether the answer is complete: its head, and as much after it as Content-Length says. */
static int is_complete(const char *answer, size_t length) {
  const char *body = strstr(answer, "\r\n\r\n");
  const char *field = strstr(answer, "Content-Length: ");
  if (body == NULL || field == NULL) return 0;
  return length >= (size_t)(body + 4 - answer) + strtoul(field + 16, NULL, 10);
}

int main(int argc, char **argv) {
  if (argc != 8 && argc != 10) {
    fprintf(stderr, "post <host> <port> <device id> <key id> <key.pem> <api key> <content> [<created> <last nonce>]\n");
    return 2;
  }
  const char *content = argv[7];
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  mbedtls_pk_context key;
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&random);
  mbedtls_pk_init(&key);
  int error = mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0);
#if MBEDTLS_VERSION_MAJOR >= 3
  if (error == 0) error = mbedtls_pk_parse_keyfile(&key, argv[5], NULL, mbedtls_ctr_drbg_random, &random);
#else
  if (error == 0) error = mbedtls_pk_parse_keyfile(&key, argv[5], NULL);
#endif
  if (error != 0) {
    fprintf(stderr, "post: the key %s cannot be read (-0x%04x)\n", argv[5], (unsigned)-error);
    return 1;
  }

  telltale_device device = {
      .device_id = argv[3],
      .key_id = argv[4],
      .api_key = argv[6],
      .key = &key,
      .random = mbedtls_ctr_drbg_random,
      .random_context = &random,
  };
  uint64_t created_s = argc == 10 ? strtoull(argv[8], NULL, 10) : (uint64_t)time(NULL);
  telltale_boot(&device, created_s, argc == 10 ? strtoull(argv[9], NULL, 10) : 0);

  char headers[TELLTALE_HEADERS_SIZE];
  error = telltale_sign(&device, created_s, content, strlen(content), headers);
  if (error < 0) {
    fprintf(stderr, "post: cannot sign (%d)\n", error);
    return 1;
  }

  int connection = open_connection(argv[1], argv[2]);
  if (connection < 0) {
    fprintf(stderr, "post: cannot connect to %s:%s\n", argv[1], argv[2]);
    return 1;
  }
  char head[256];
  int head_length = snprintf(head, sizeof head,
                             "POST /v1/telemetry HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %zu\r\n",
                             argv[1], strlen(content));
  char answer[4096] = "";
  size_t length = 0;
  ssize_t got;
  if (head_length > 0 && (size_t)head_length < sizeof head && send_all(connection, head, (size_t)head_length) == 0 &&
      send_all(connection, headers, (size_t)error) == 0 && send_all(connection, "\r\n", 2) == 0 &&
      send_all(connection, content, strlen(content)) == 0) {
    while ((got = recv(connection, answer + length, sizeof answer - 1 - length, 0)) > 0) {
      length += (size_t)got;
      answer[length] = '\0';
      if (is_complete(answer, length)) break;
    }
  }
  printf("%s\n", answer);
  close(connection);
  mbedtls_pk_free(&key);
  mbedtls_ctr_drbg_free(&random);
  mbedtls_entropy_free(&entropy);
  return strncmp(answer, "HTTP/1.1 202", 12) == 0 ? 0 : 1;
}
