import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { mqttUserName } from '../../contracts/mqtt-login.ts';
import { hashForMosquitto } from '../../platform/crypto/mosquitto-password.ts';
import { startMosquitto, type RunningMosquitto } from '../../scripts/dev-stack/start-mosquitto.ts';
import { refreshLogins, type LoginsTarget } from '../../cli/broker-logins/refresh-logins.ts';
import { INGEST_LOGIN } from '../../cli/broker-logins/write-logins.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { endWithTests } from './end-with-tests.ts';

const STOP_DEADLINE_MS = 5000;
export const INGEST_PASSWORD = 'a password of ingest alone';

/** A private Mosquitto that asks for logins, and the clients of a test. */
export class BrokerWithLogins {
  readonly logins: LoginsTarget;
  readonly ingestUrl: string;
  readonly running: RunningMosquitto;
  readonly #clients: MqttClient[] = [];

  constructor(running: RunningMosquitto, logins: LoginsTarget, ingestUrl: string) {
    this.running = running;
    this.logins = logins;
    this.ingestUrl = ingestUrl;
  }

  /** Without waiting for Mosquitto to have read them. */
  async refresh(): Promise<void> {
    await refreshLogins(this.logins);
    process.kill(this.running.process.pid, 'SIGHUP');
  }

  /** As a device; the one before under the same name is cut off. Rejects when the broker refuses. */
  login(deviceId: string, password: string, options: IClientOptions = {}): Promise<MqttClient> {
    return this.#connect(this.running.url, { username: mqttUserName(deviceId), password, ...options });
  }

  ingest(clientId: string): Promise<MqttClient> {
    return this.#connect(this.ingestUrl, { username: INGEST_LOGIN, password: INGEST_PASSWORD, clientId });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.endAsync(true)));
    await this.running.process.stop(STOP_DEADLINE_MS);
    await rm(this.logins.folder, { recursive: true, force: true });
  }

  async #connect(url: string, options: IClientOptions): Promise<MqttClient> {
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options }, false);
    // A connection that the broker cuts also closes; without a listener the error would end the tests.
    client.on('error', () => undefined);
    this.#clients.push(client);
    return client;
  }
}

export async function startBrokerWithLogins(databaseUrl: string): Promise<BrokerWithLogins> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-logins-'));
  const logins = { databaseUrl, folder, ingestHash: hashForMosquitto(INGEST_PASSWORD) };
  await refreshLogins(logins);
  const [port, ingestPort] = [await findFreePort(), await findFreePort()];
  const running = await startMosquitto({ port, folder, logins: { folder, ingestPort } });
  endWithTests(running.process);
  return new BrokerWithLogins(running, logins, `mqtt://127.0.0.1:${ingestPort}`);
}
