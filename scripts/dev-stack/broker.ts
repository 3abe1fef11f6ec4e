import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hashForMosquitto } from '../../platform/crypto/mosquitto-password.ts';
import { refreshLogins, type LoginsTarget } from '../../cli/broker-logins/refresh-logins.ts';
import { INGEST_LOGIN } from '../../cli/broker-logins/write-logins.ts';
import { findFreePort } from '../process/free-port.ts';
import type { Guard } from '../process/guard.ts';
import type { RunningProcess } from '../process/running-process.ts';
import type { IngestBroker } from './environment.ts';
import { loadSecret } from './secrets.ts';
import { startMosquitto } from './start-mosquitto.ts';

export interface BrokerOptions {
  readonly port: number;
  readonly devDir: string;
  readonly databaseUrl: string;
  readonly logPath: string;
}

/** The broker of the development stack, with the logins that the registry has at this moment. */
export interface Broker {
  readonly process: RunningProcess;
  /** For devices. */
  readonly url: string;
  readonly ingest: IngestBroker;
  readonly logins: LoginsTarget;
}

export async function startBroker(options: BrokerOptions, guard: Guard): Promise<Broker> {
  const { port, devDir, databaseUrl, logPath } = options;
  const folder = join(devDir, 'mosquitto');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const password = await loadSecret(devDir, 'mqtt-ingest-password');
  const logins = { databaseUrl, folder, ingestHash: hashForMosquitto(password) };
  await refreshLogins(logins);
  const ingestPort = await findFreePort();
  const running = await startMosquitto({ port, folder, logins: { folder, ingestPort }, logPath }, guard);
  return {
    process: running.process,
    url: running.url,
    ingest: {
      url: `mqtt://${INGEST_LOGIN}:${password}@127.0.0.1:${ingestPort}`,
      group: await loadSecret(devDir, 'mqtt-group'),
    },
    logins,
  };
}
