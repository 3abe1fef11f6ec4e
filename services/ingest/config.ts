import { EARLY_SKEW_MS } from '../../contracts/shard-epoch.ts';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import {
  foreignPrefixes,
  integer,
  logSettings,
  networks,
  port,
  redisSettings,
} from '../../platform/config/fragments.ts';
import { loadConfig, type Environment } from '../../platform/config/load-config.ts';
import type { TlsFiles } from '../../platform/http/tls-files.ts';
import { StartupError } from '../../platform/lifecycle/startup-error.ts';

const ratePerS = integer(1, 1_000_000);

const ratesByClass = z.string().transform((text, context): ReadonlyMap<string, number> => {
  const rates = new Map<string, number>();
  for (const part of text.split(',')) {
    const match = /^ *([a-z]+) *= *([1-9][0-9]{0,5}) *$/.exec(part);
    if (match?.[1] === undefined) context.addIssue('must be like "mobile=10,fixed=50"');
    else rates.set(match[1], Number(match[2]));
  }
  return rates;
});

export const ingestSettings = {
  ...logSettings,
  ...redisSettings,
  TELLTALE_INGEST_HOST: z.string().default('127.0.0.1'),
  TELLTALE_INGEST_PORT: port.default(8080),
  /** Metrics and health are for operators: somewhere else than the public port. */
  TELLTALE_INGEST_ADMIN_HOST: z.string().default('127.0.0.1'),
  TELLTALE_INGEST_ADMIN_PORT: port.default(9101),
  /** `node` is 32 times as fast; `noble` is the reference implementation. */
  TELLTALE_INGEST_VERIFIER: z.enum(['node', 'noble']).default('node'),
  TELLTALE_INGEST_VERIFY_THREADS: integer(1, 256).default(Math.max(1, availableParallelism() - 1)),
  /** How far `created` may lie behind and ahead of the server's clock. */
  TELLTALE_INGEST_FRESHNESS_LATE_S: integer(1, 86_400).default(300),
  TELLTALE_INGEST_FRESHNESS_EARLY_S: integer(0, EARLY_SKEW_MS / 1000).default(30),
  /** How long a gateway may hold a self-contained envelope (JWS, COSE). */
  TELLTALE_INGEST_MAX_HOLD_S: integer(1, 604_800).default(86_400),
  /** How old a reading may be, against its envelope's `created`. */
  TELLTALE_INGEST_MAX_READING_AGE_S: integer(60, 31_622_400).default(604_800),
  /** Entries of one shard that may wait to be stored, about 500 bytes each; then devices are told to come back. */
  TELLTALE_INGEST_MAX_BACKLOG: integer(1, 100_000_000).default(65_536),
  /** Replicas of Redis that have to have a reading before it is acknowledged, and how long that may take. */
  TELLTALE_INGEST_WAIT_REPLICAS: integer(0, 5).default(0),
  TELLTALE_INGEST_WAIT_MS: integer(1, 1500).default(500),
  /** In their memory (WAIT), or on their disks and on that of the server itself (WAITAOF, Redis 7.2). */
  TELLTALE_INGEST_WAIT_FOR: z.enum(['memory', 'disk']).default('memory'),
  /** Nonces below the highest one that are told apart; a multiple of 8. */
  TELLTALE_INGEST_REPLAY_WINDOW: integer(64, 65_536)
    .refine((value) => value % 8 === 0, 'must be a multiple of 8')
    .default(2048),
  /** How long the reply to an enrolment or a new key waits until the services know it; 0 answers 202 at once. */
  TELLTALE_INGEST_REQUEST_WAIT_S: integer(0, 30).default(5),
  /** Requests a second: of one device, of devices of a class (`mobile=10,fixed=50`), of one source address, of this process. */
  TELLTALE_INGEST_LIMIT_DEVICE_PER_S: ratePerS.default(50),
  TELLTALE_INGEST_LIMIT_CLASSES: ratesByClass.default(new Map()),
  TELLTALE_INGEST_LIMIT_ADDRESS_PER_S: ratePerS.default(1000),
  TELLTALE_INGEST_LIMIT_OVERALL_PER_S: ratePerS.default(50_000),
  /** Failures, not too far apart, after which an address or a device at an address is blocked. */
  TELLTALE_INGEST_BLOCK_AFTER: integer(1, 1_000_000).default(20),
  /** How long it is blocked the first time; each further time twice as long, up to the longest. */
  TELLTALE_INGEST_BLOCK_FIRST_S: integer(1, 86_400).default(60),
  TELLTALE_INGEST_BLOCK_LONGEST_S: integer(1, 604_800).default(86_400),
  /** Addresses and networks, with commas between, whose X-Forwarded-For is believed. */
  TELLTALE_INGEST_TRUSTED_PROXIES: networks.default([]),
  /** PEM files; with certificate and key the port speaks TLS. */
  TELLTALE_INGEST_TLS_CERT_PATH: z.string().optional(),
  TELLTALE_INGEST_TLS_KEY_PATH: z.string().optional(),
  /** Client certificates must come from these authorities; a client may still show none. */
  TELLTALE_INGEST_TLS_CLIENT_CA_PATH: z.string().optional(),
  MQTT_URL: z.url({ protocol: /^(mqtts?|wss?)$/, error: 'must be an mqtt:// or mqtts:// URL' }).optional(),
  TELLTALE_INGEST_MQTT_CONNECTIONS: integer(1, 256).default(32),
  /** Another one for each ingest process: the broker keeps a session under each name. No device id begins with `_`. */
  TELLTALE_INGEST_MQTT_CLIENT_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, hyphen and underscore')
    .default('_telltale-ingest'),
  /**
   * Of the shared subscription. Who knows it can take envelopes away from ingest, because Mosquitto lets everybody subscribe:
   * a secret where devices are not trusted.
   */
  TELLTALE_INGEST_MQTT_GROUP: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, hyphen and underscore')
    .default('telltale'),
};

export type IngestConfig = z.infer<z.ZodObject<typeof ingestSettings>>;

/** The files of the public port's TLS, undefined for plain HTTP. */
export function tlsFilesOf(config: IngestConfig): TlsFiles | undefined {
  const {
    TELLTALE_INGEST_TLS_CERT_PATH: certPath,
    TELLTALE_INGEST_TLS_KEY_PATH: keyPath,
    TELLTALE_INGEST_TLS_CLIENT_CA_PATH: clientCaPath,
  } = config;
  if (certPath !== undefined && keyPath !== undefined) return { certPath, keyPath, clientCaPath };
  if (certPath === undefined && keyPath === undefined && clientCaPath === undefined) return undefined;
  throw new StartupError(
    'TLS needs TELLTALE_INGEST_TLS_CERT_PATH and TELLTALE_INGEST_TLS_KEY_PATH together; set both or none.',
  );
}

export function loadIngestConfig(environment: Environment): IngestConfig {
  return loadConfig({ shape: ingestSettings, foreignPrefixes: foreignPrefixes('TELLTALE_INGEST_') }, environment);
}
