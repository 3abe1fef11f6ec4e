import { z } from 'zod';
import { DEFAULT_SHARD_COUNT } from '../../contracts/shard.ts';
import { parseNetwork } from '../http/client-address.ts';

/** Settings that several services have, composed into each service's own schema. Every value is text in the environment. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));

export const port = integer(1, 65_535);

/** Addresses and networks, with commas between. */
export const networks = z.string().transform((text, context) =>
  text.split(',').flatMap((part) => {
    const network = parseNetwork(part.trim());
    if (network === undefined) context.addIssue(`"${part.trim()}" is no address or network, such as 10.0.0.0/8`);
    return network === undefined ? [] : [network];
  }),
);

export const logSettings = {
  TELLTALE_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('`fatal` to `trace`, or `silent`'),
};

const redisNode = z.url({ protocol: /^rediss?$/ });

/** Of a server, or of several nodes of a cluster. */
export const redisUrl = z
  .string()
  .refine((text) => text.split(/,(?=rediss?:)/).every((node) => redisNode.safeParse(node).success), {
    error: 'must be a redis:// or rediss:// URL, or several of a cluster separated by commas',
  });

export const redisSettings = {
  REDIS_URL: redisUrl.describe(
    'the log, the projection and Pub/Sub; several nodes of a Redis Cluster are separated by commas',
  ),
  TELLTALE_SHARDS: integer(1, 256)
    .default(DEFAULT_SHARD_COUNT)
    .describe('streams of the log; fixed by the first service that starts on an empty Redis'),
};

export const postgresSettings = {
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }).describe('PostGIS'),
};

/** A hundred years at most. */
const keepDays = integer(0, 36_525).default(0);

/** Days that are kept of each table; 0 for ever. The worker drops by them, and the command line shows what it would drop. */
export const keepSettings = {
  TELLTALE_WORKER_KEEP_READINGS_DAYS: keepDays.describe('days of `readings` that are kept, by partitions; 0 for ever'),
  TELLTALE_WORKER_KEEP_POSITIONS_DAYS: keepDays.describe('the same for `device_positions`'),
  TELLTALE_WORKER_KEEP_MINUTES_DAYS: keepDays.describe('the same for `readings_minute`'),
  TELLTALE_WORKER_KEEP_HOURS_DAYS: keepDays.describe('the same for `readings_hour`'),
  TELLTALE_WORKER_KEEP_SECURITY_EVENTS_DAYS: keepDays.describe(
    'the same for `security_events`, of which rows are deleted',
  ),
};

/** A request of a device to the registry can be delivered again for as long as it lies in its stream: that is never so long. */
export const KEEP_REQUESTS_DAYS = 30;

/** Of `telltale`, which asks two services as devices and subscribers do. No service reads them. */
export const commandLineSettings = {
  TELLTALE_INGEST_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .optional()
    .describe('where `telltale send` posts; needed where `DATABASE_URL` or `REDIS_URL` names the platform'),
  TELLTALE_ALERTS_URL: z
    .url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// URL' })
    .optional()
    .describe('what `telltale alerts tail` listens to; needed in the same case'),
};

/** Names of each part's own settings; parts may share one environment. TELLTALE_DEV_ and TELLTALE_TEST_ belong to scripts/ and tests/. */
const PART_PREFIXES = [
  'TELLTALE_INGEST_',
  'TELLTALE_WORKER_',
  'TELLTALE_BROADCASTER_',
  'TELLTALE_DEV_',
  'TELLTALE_TEST_',
] as const;

export function foreignPrefixes(own: (typeof PART_PREFIXES)[number]): readonly string[] {
  return [...PART_PREFIXES.filter((prefix) => prefix !== own), ...Object.keys(commandLineSettings)];
}
