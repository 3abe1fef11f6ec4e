import { connectAsync, type MqttClient } from 'mqtt';
import { mqttTopics } from '../../contracts/mqtt-topics.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { eventually } from './eventually.ts';
import { IngestRegistry } from './ingest-registry.ts';
import { startMosquitto, type TestBroker } from './mosquitto.ts';
import { startService, type ServiceSettings, type TestService } from './process.ts';
import { exchange, encodeRequest, type RawRequest } from './raw-http.ts';
import { readSample } from './running-ingest.ts';
import type { Sealed } from './sealed-envelopes.ts';
import { SignedDevice } from './signed-device.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from './worker-stores.ts';

/** What became of an envelope, by whichever way. */
export interface Answer {
  readonly status: number;
  readonly accepted?: number;
  readonly code?: string;
  readonly nonce?: string | null;
}

const CONNECTIONS = 4;
const RECEIPT_DEADLINE_MS = 10_000;

/** The ingest process with both of its ways in: HTTP, and a broker that devices publish to. */
export class FrontDoors {
  readonly stores: WorkerStores;
  readonly registry: IngestRegistry;
  readonly broker: TestBroker;
  readonly mqtt: MqttClient;
  readonly port: number;
  readonly #settings: ServiceSettings;
  readonly #receipts = new Map<string, Answer[]>();
  #ingest: TestService;
  #devices = 0;

  constructor(parts: {
    stores: WorkerStores;
    registry: IngestRegistry;
    broker: TestBroker;
    mqtt: MqttClient;
    ingest: TestService;
    port: number;
    settings: ServiceSettings;
  }) {
    this.stores = parts.stores;
    this.registry = parts.registry;
    this.broker = parts.broker;
    this.mqtt = parts.mqtt;
    this.port = parts.port;
    this.#settings = parts.settings;
    this.#ingest = parts.ingest;
    this.mqtt.on('message', (topic, payload) => {
      const received = this.#receipts.get(topic) ?? [];
      received.push(JSON.parse(payload.toString()) as Answer);
      this.#receipts.set(topic, received);
    });
  }

  get ingest(): TestService {
    return this.#ingest;
  }

  async addDevice(keyIds?: readonly string[]): Promise<SignedDevice> {
    this.#devices += 1;
    const device = new SignedDevice(`door-${this.#devices}`, keyIds);
    await this.registry.register(device);
    return device;
  }

  /** Receipts that the device has got so far. */
  receiptsOf(deviceId: string): readonly Answer[] {
    return this.#receipts.get(mqttTopics.receipts(deviceId)) ?? [];
  }

  async publish(deviceId: string, payload: Uint8Array): Promise<void> {
    await this.mqtt.publishAsync(mqttTopics.telemetry(deviceId), Buffer.from(payload), { qos: 1 });
  }

  /** Publishes and answers the next receipt on the device's topic. */
  async sendByMqtt(deviceId: string, sealed: Sealed): Promise<Answer> {
    if (sealed.kind !== 'payload') throw new Error('MQTT carries payloads');
    const before = this.receiptsOf(deviceId).length;
    await this.publish(deviceId, sealed.payload);
    return await eventually(() => {
      const receipt = this.receiptsOf(deviceId)[before];
      if (receipt === undefined) throw new Error('no receipt');
      return receipt;
    }, RECEIPT_DEADLINE_MS);
  }

  async sendByHttp(apiKey: string, sealed: Sealed): Promise<Answer> {
    const request = sealed.kind === 'request' ? sealed.request : payloadRequest(apiKey, sealed);
    const { status, body } = await exchange(this.port, encodeRequest(request));
    return { ...(JSON.parse(body) as Answer), status };
  }

  /** Starts ingest anew, under the same names to the broker. */
  async restartIngest(): Promise<void> {
    this.#ingest = await startService('ingest', this.#settings);
    await this.untilConnected();
  }

  async untilConnected(): Promise<void> {
    await eventually(async () => {
      if ((await readSample(this.#ingest.adminUrl, 'ingest_mqtt_connections')) !== CONNECTIONS) {
        throw new Error('not connected');
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mqtt.endAsync(true);
    await this.#ingest[Symbol.asyncDispose]();
    await this.broker[Symbol.asyncDispose]();
    await this.stores[Symbol.asyncDispose]();
  }
}

function payloadRequest(apiKey: string, sealed: Extract<Sealed, { kind: 'payload' }>): RawRequest {
  return {
    method: 'POST',
    target: '/v1/telemetry',
    fields: [
      ['Host', 'ingest.example'],
      ['X-API-Key', apiKey],
      ['Content-Type', sealed.mediaType],
      ['Content-Length', String(sealed.payload.length)],
    ],
    body: sealed.payload,
  };
}

/** @param wayToBroker answers the URL by which ingest reaches the broker */
export async function openFrontDoors(
  changes: ServiceSettings = {},
  wayToBroker: (brokerUrl: string) => Promise<string> = (brokerUrl) => Promise.resolve(brokerUrl),
): Promise<FrontDoors> {
  const stores = await openWorkerStores();
  const registry = new IngestRegistry(stores);
  await registry.beginLogs();
  const broker = await startMosquitto();
  const port = await findFreePort();
  const settings = {
    REDIS_URL: stores.server.url,
    TELLTALE_SHARDS: String(SHARD_COUNT),
    TELLTALE_INGEST_PORT: String(port),
    MQTT_URL: await wayToBroker(broker.url),
    TELLTALE_INGEST_MQTT_CONNECTIONS: String(CONNECTIONS),
    ...changes,
  };
  const ingest = await startService('ingest', settings);
  const mqtt = await connectAsync(broker.url, { protocolVersion: 5 });
  await mqtt.subscribeAsync('telltale/v1/devices/+/receipts', { qos: 1 });
  const doors = new FrontDoors({ stores, registry, broker, mqtt, ingest, port, settings });
  await doors.untilConnected();
  return doors;
}
