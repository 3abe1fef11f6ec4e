import { findFreePort } from '../../scripts/process/free-port.ts';
import type { ServiceSettings } from './process.ts';

/** Every port that `npm start` takes, by the variable that sets it. */
export const PLATFORM_PORTS = [
  'TELLTALE_INGEST_PORT',
  'TELLTALE_INGEST_ADMIN_PORT',
  'TELLTALE_WORKER_ADMIN_PORT',
  'TELLTALE_BROADCASTER_PORT',
  'TELLTALE_BROADCASTER_ADMIN_PORT',
  'TELLTALE_DEV_REDIS_PORT',
  'TELLTALE_DEV_POSTGRES_PORT',
  'TELLTALE_DEV_MQTT_PORT',
] as const;

export async function findPlatformPorts(): Promise<ServiceSettings> {
  const entries = await Promise.all(PLATFORM_PORTS.map(async (name) => [name, String(await findFreePort())] as const));
  return Object.fromEntries(entries);
}
