import type { StackSettings } from './settings.ts';

const SERVICE_NAMES = ['ingest', 'worker', 'broadcaster'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface Stores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Undefined for no MQTT. */
  readonly broker?: IngestBroker | undefined;
}

/** The broker that ingest takes from. */
export interface IngestBroker {
  /** With its login. */
  readonly url: string;
  /** Of the shared subscription, unless the user sets another one. */
  readonly group?: string | undefined;
}

/** The environment without what belongs to Telltale: a service refuses to start with a name that it does not know. */
export function plainEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !name.startsWith('TELLTALE_') && !/^(DATABASE|REDIS|MQTT)_URL(_FILE)?$/.test(name),
    ),
  );
}

/** What the user set for this service or for all of them. */
export function serviceEnvironment(service: ServiceName, env: NodeJS.ProcessEnv, stores: Stores): NodeJS.ProcessEnv {
  const foreign = SERVICE_NAMES.filter((name) => name !== service).map((name) => `TELLTALE_${name.toUpperCase()}_`);
  const excluded = [...foreign, 'TELLTALE_DEV_'];
  const own = Object.entries(env).filter(
    ([name, value]) =>
      name.startsWith('TELLTALE_') && value !== '' && !excluded.some((prefix) => name.startsWith(prefix)),
  );
  return {
    ...plainEnvironment(env),
    ...(service === 'ingest' && brokerEnvironment(stores.broker)),
    ...(service === 'broadcaster' && publicEnvironment(env)),
    ...Object.fromEntries(own),
    REDIS_URL: stores.redisUrl,
    ...(service === 'worker' && { DATABASE_URL: stores.databaseUrl }),
  };
}

/** Early warning is for everybody, unless the user says who may listen. */
function publicEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if ((env['TELLTALE_BROADCASTER_JWKS_PATH'] ?? '') !== '') return {};
  return { TELLTALE_BROADCASTER_PUBLIC: 'true', TELLTALE_BROADCASTER_ORIGINS: '*' };
}

function brokerEnvironment(broker: IngestBroker | undefined): NodeJS.ProcessEnv {
  if (broker === undefined) return {};
  return { MQTT_URL: broker.url, ...(broker.group !== undefined && { TELLTALE_INGEST_MQTT_GROUP: broker.group }) };
}

export function adminPort(service: ServiceName, settings: StackSettings): number {
  switch (service) {
    case 'ingest':
      return settings.TELLTALE_INGEST_ADMIN_PORT;
    case 'worker':
      return settings.TELLTALE_WORKER_ADMIN_PORT;
    case 'broadcaster':
      return settings.TELLTALE_BROADCASTER_ADMIN_PORT;
  }
}
