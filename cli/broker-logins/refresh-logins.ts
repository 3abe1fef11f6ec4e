import { createLogger } from '../../platform/log/logger.ts';
import { loadBrokerLogins } from '../../platform/postgres/broker-logins.ts';
import { openPostgres } from '../../platform/postgres/open-postgres.ts';
import { writeLogins } from './write-logins.ts';

export interface LoginsTarget {
  readonly databaseUrl: string;
  /** Where Mosquitto reads the two files. */
  readonly folder: string;
  /** Of ingest's password, as Mosquitto keeps it. */
  readonly ingestHash: string;
}

export interface RefreshedLogins {
  readonly devices: number;
  /** Whether Mosquitto has something new to read. */
  readonly changed: boolean;
}

/** Brings the broker's files to what the registry says. */
export async function refreshLogins({ databaseUrl, folder, ingestHash }: LoginsTarget): Promise<RefreshedLogins> {
  const log = createLogger('broker-logins', 'silent');
  const database = openPostgres({ url: databaseUrl, name: 'telltale-broker-logins', maxConnections: 1 }, log);
  try {
    const devices = await loadBrokerLogins(database);
    return { devices: devices.length, changed: await writeLogins(folder, { ingestHash, devices }) };
  } finally {
    await database.end();
  }
}
