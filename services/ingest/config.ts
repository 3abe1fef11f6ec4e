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
  TELLTALE_INGEST_HOST: z.string().default('127.0.0.1').describe('where devices post'),
  TELLTALE_INGEST_PORT: port.default(8080).describe('its port'),
  TELLTALE_INGEST_ADMIN_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('metrics and health, for operators alone: somewhere else than the public port'),
  TELLTALE_INGEST_ADMIN_PORT: port.default(9101).describe('their port'),
  TELLTALE_INGEST_VERIFIER: z
    .enum(['node', 'noble'])
    .default('node')
    .describe('`noble` is the reference implementation, about 30 times slower'),
  TELLTALE_INGEST_VERIFY_THREADS: integer(1, 256)
    .default(Math.max(1, availableParallelism() - 1))
    .meta({ description: 'threads that verify', defaultText: 'cores − 1' }),
  TELLTALE_INGEST_FRESHNESS_LATE_S: integer(1, 86_400)
    .default(300)
    .describe('how far `created` may lie behind our clock'),
  TELLTALE_INGEST_FRESHNESS_EARLY_S: integer(0, EARLY_SKEW_MS / 1000)
    .default(30)
    .describe('how far it may lie ahead'),
  TELLTALE_INGEST_MAX_HOLD_S: integer(1, 604_800)
    .default(86_400)
    .describe('how long a gateway may hold a self-contained envelope (JWS, COSE)'),
  TELLTALE_INGEST_MAX_READING_AGE_S: integer(60, 31_622_400)
    .default(604_800)
    .describe('how much older than its envelope a reading may be'),
  TELLTALE_INGEST_MAX_BACKLOG: integer(1, 100_000_000)
    .default(65_536)
    .describe('entries of one shard, about 500 bytes each, that may wait to be stored; then devices get 503'),
  TELLTALE_INGEST_WAIT_REPLICAS: integer(0, 5)
    .default(0)
    .describe('replicas of Redis that have to have a reading before it is acknowledged (`WAIT`)'),
  TELLTALE_INGEST_WAIT_MS: integer(1, 1500)
    .default(500)
    .describe('how long they may take; then devices get 503 and send again'),
  TELLTALE_INGEST_WAIT_FOR: z
    .enum(['memory', 'disk'])
    .default('memory')
    .describe('`disk`: they have to have synced it, and the server itself too (`WAITAOF`, Redis 7.2)'),
  TELLTALE_INGEST_REPLAY_WINDOW: integer(64, 65_536)
    .refine((value) => value % 8 === 0, 'must be a multiple of 8')
    .default(2048)
    .describe('nonces below the highest of a key that are told apart; a multiple of 8'),
  TELLTALE_INGEST_REQUEST_WAIT_S: integer(0, 30)
    .default(5)
    .describe(
      'how long the reply to an enrolment or a new key waits until the services know it; 0 answers 202 at once',
    ),
  TELLTALE_INGEST_LIMIT_DEVICE_PER_S: ratePerS
    .default(50)
    .describe('requests of one device, over a minute; twice as many within a second'),
  TELLTALE_INGEST_LIMIT_CLASSES: ratesByClass
    .default(new Map())
    .describe('other rates for classes of devices: `mobile=10,fixed=50`'),
  TELLTALE_INGEST_LIMIT_ADDRESS_PER_S: ratePerS
    .default(1000)
    .describe('requests from one source address; an IPv6 /64 is one'),
  TELLTALE_INGEST_LIMIT_OVERALL_PER_S: ratePerS.default(50_000).describe('requests to one ingest process'),
  TELLTALE_INGEST_BLOCK_AFTER: integer(1, 1_000_000)
    .default(20)
    .describe('failures, not too far apart, after which an address, or a device at an address, is blocked'),
  TELLTALE_INGEST_BLOCK_FIRST_S: integer(1, 86_400)
    .default(60)
    .describe('length of a first block; each is twice the one before'),
  TELLTALE_INGEST_BLOCK_LONGEST_S: integer(1, 604_800).default(86_400).describe('length of the longest'),
  TELLTALE_INGEST_TRUSTED_PROXIES: networks
    .default([])
    .describe('addresses and networks whose `X-Forwarded-For` is believed, with commas between'),
  TELLTALE_INGEST_TLS_CERT_PATH: z.string().optional().describe('PEM file; with it and the next the port speaks TLS'),
  TELLTALE_INGEST_TLS_KEY_PATH: z.string().optional().describe('its key'),
  TELLTALE_INGEST_TLS_CLIENT_CA_PATH: z
    .string()
    .optional()
    .describe('authorities that client certificates must come from; a client may still show none'),
  MQTT_URL: z
    .url({ protocol: /^(mqtts?|wss?)$/, error: 'must be an mqtt:// or mqtts:// URL' })
    .optional()
    .describe('broker to take envelopes from; none without it'),
  TELLTALE_INGEST_MQTT_CONNECTIONS: integer(1, 256)
    .default(32)
    .describe('connections to the broker; each works on one message at a time'),
  TELLTALE_INGEST_MQTT_CLIENT_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, hyphen and underscore')
    .default('_telltale-ingest')
    .describe(
      'first part of their client ids; another one for each ingest process, because the broker keeps a session under each. No device id begins with `_`',
    ),
  TELLTALE_INGEST_MQTT_GROUP: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, hyphen and underscore')
    .default('telltale')
    .describe(
      'of the shared subscription; the same for all ingest processes, and a secret where devices are not trusted, because Mosquitto lets everybody subscribe',
    ),
};

export type IngestConfig = z.infer<z.ZodObject<typeof ingestSettings>>;

type TlsSettings = Pick<
  IngestConfig,
  'TELLTALE_INGEST_TLS_CERT_PATH' | 'TELLTALE_INGEST_TLS_KEY_PATH' | 'TELLTALE_INGEST_TLS_CLIENT_CA_PATH'
>;

/** The files of the public port's TLS, undefined for plain HTTP. */
export function tlsFilesOf(config: TlsSettings): TlsFiles | undefined {
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
