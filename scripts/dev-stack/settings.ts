import { resolve } from 'node:path';
import { z } from 'zod';
import { redisUrl } from '../../platform/config/fragments.ts';
import { readValues } from '../../platform/config/load-config.ts';
import { CommandFailure } from '../process/failure.ts';

const port = (byDefault: number) => z.coerce.number().int().min(1).max(65535).default(byDefault);

export const stackSettings = {
  DATABASE_URL: z.url().optional(),
  REDIS_URL: redisUrl.optional(),
  MQTT_URL: z.url().optional(),
  TELLTALE_DEV_DIR: z.string().min(1).default('.telltale').describe('folder of its data, keys and secrets'),
  TELLTALE_DEV_REDIS_PORT: port(6390).describe('of its Redis, without `REDIS_URL`'),
  TELLTALE_DEV_POSTGRES_PORT: port(5440).describe('of its embedded database, without `DATABASE_URL`'),
  TELLTALE_DEV_MQTT_PORT: port(1884).describe(
    'of its broker, where Mosquitto is installed and `MQTT_URL` names no other',
  ),
  TELLTALE_INGEST_HOST: z.string().default('127.0.0.1'),
  TELLTALE_INGEST_PORT: port(8080),
  TELLTALE_INGEST_ADMIN_PORT: port(9101),
  TELLTALE_WORKER_ADMIN_PORT: port(9102),
  TELLTALE_BROADCASTER_HOST: z.string().default('127.0.0.1'),
  TELLTALE_BROADCASTER_PORT: port(8081),
  TELLTALE_BROADCASTER_ADMIN_PORT: port(9103),
};

const settingsSchema = z.object(stackSettings);

/** What the development stack reads of the environment; the rest goes to the services as it is. */
export type StackSettings = z.infer<typeof settingsSchema>;

export function parseStackSettings(env: NodeJS.ProcessEnv): StackSettings {
  const { values, problems } = readValues(Object.keys(settingsSchema.shape), env);
  if (problems.length > 0) throw new CommandFailure(problems.join('\n'));
  const parsed = settingsSchema.safeParse(values);
  if (!parsed.success) {
    throw new CommandFailure(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
    );
  }
  return { ...parsed.data, TELLTALE_DEV_DIR: resolve(parsed.data.TELLTALE_DEV_DIR) };
}
