import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { foreignPrefixes, integer, logSettings, port, redisSettings } from '../../platform/config/fragments.ts';
import { loadConfig, type Environment } from '../../platform/config/load-config.ts';

export const ingestSettings = {
  ...logSettings,
  ...redisSettings,
  TELLTALE_INGEST_HOST: z.string().default('127.0.0.1'),
  TELLTALE_INGEST_PORT: port.default(8080),
  TELLTALE_INGEST_ADMIN_PORT: port.default(9101),
  /** `node` is 32 times as fast; `noble` is the reference implementation. */
  TELLTALE_INGEST_VERIFIER: z.enum(['node', 'noble']).default('node'),
  TELLTALE_INGEST_VERIFY_THREADS: integer(1, 256).default(Math.max(1, availableParallelism() - 1)),
  /** How far `created` may lie behind and ahead of the server's clock. */
  TELLTALE_INGEST_FRESHNESS_LATE_S: integer(1, 86_400).default(300),
  TELLTALE_INGEST_FRESHNESS_EARLY_S: integer(0, 3600).default(30),
  /** How old a reading may be, against its envelope's `created`. */
  TELLTALE_INGEST_MAX_READING_AGE_S: integer(60, 31_622_400).default(604_800),
  /** Nonces below the highest one that are told apart; a multiple of 8. */
  TELLTALE_INGEST_REPLAY_WINDOW: integer(64, 65_536)
    .refine((value) => value % 8 === 0, 'must be a multiple of 8')
    .default(2048),
};

export type IngestConfig = z.infer<z.ZodObject<typeof ingestSettings>>;

export function loadIngestConfig(environment: Environment): IngestConfig {
  return loadConfig({ shape: ingestSettings, foreignPrefixes: foreignPrefixes('TELLTALE_INGEST_') }, environment);
}
