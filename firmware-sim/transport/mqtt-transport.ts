import { connect, type MqttClient } from 'mqtt';
import { mqttUserName } from '../../contracts/mqtt-login.ts';
import { mqttTopics, receiptSchema, type Receipt } from '../../contracts/mqtt-topics.ts';
import type { Envelope } from '../envelope/envelope.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import { parseReply } from './parse-reply.ts';
import { REPLY_TIMEOUT_MS, type Delivery, type Transport } from './transport.ts';

const RECONNECT_MS = 500;

interface Awaited {
  readonly nonce: string;
  readonly settle: (delivery: Delivery) => void;
}

/**
 * Publishes self-contained envelopes through a broker, logged in with device id and API key. What the broker acknowledges
 * may still be lost: only the receipt of the platform proves a delivery. A missing receipt counts as no answer.
 */
export class MqttTransport implements Transport {
  readonly repeats = true;
  readonly #deviceId: string;
  readonly #receiptTimeoutMs: number;
  readonly #client: MqttClient;
  #awaited: Awaited | undefined;
  #lastError = 'the broker does not answer';

  constructor(brokerUrl: URL, device: Pick<FleetDevice, 'id' | 'api_key'>, receiptTimeoutMs = REPLY_TIMEOUT_MS) {
    this.#deviceId = device.id;
    this.#receiptTimeoutMs = receiptTimeoutMs;
    this.#client = connect(brokerUrl.href, {
      clientId: device.id,
      username: mqttUserName(device.id),
      password: device.api_key,
      protocolVersion: 5,
      reconnectPeriod: RECONNECT_MS,
    });
    // A subscription that was lost with its session is made again by the client.
    this.#client.subscribe(mqttTopics.receipts(device.id), { qos: 1 }, (error) => this.#note(error));
    this.#client.on('error', (error) => this.#note(error));
    this.#client.on('message', (_topic, payload) => this.#take(payload));
  }

  async deliver({ nonce, content }: Envelope, signal: AbortSignal): Promise<Delivery> {
    return await new Promise((resolve) => {
      const end = (delivery: Delivery) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#awaited = undefined;
        resolve(delivery);
      };
      const silent = (reason: 'timeout' | 'connection-lost') =>
        end({ kind: 'unanswered', reason, detail: this.#client.connected ? 'no receipt' : this.#lastError });
      const onAbort = () => silent('connection-lost');
      const timer = setTimeout(() => silent('timeout'), this.#receiptTimeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#awaited = { nonce: String(nonce), settle: end };
      this.#client.publish(mqttTopics.telemetry(this.#deviceId), Buffer.from(content), { qos: 1 }, (error) =>
        this.#note(error),
      );
    });
  }

  [Symbol.dispose](): void {
    this.#client.end(true);
  }

  #note(error: Error | null | undefined): void {
    if (error instanceof Error) this.#lastError = error.message;
  }

  #take(payload: Buffer): void {
    const receipt = parseReceipt(payload);
    // A receipt of an earlier sending, or of somebody else's message on our topic, settles nothing.
    if (receipt?.nonce !== this.#awaited?.nonce || receipt === undefined) return;
    const reply = { status: receipt.status, retryAfter: undefined, body: payload.toString() };
    this.#awaited?.settle(parseReply(reply));
  }
}

function parseReceipt(payload: Buffer): Receipt | undefined {
  try {
    return receiptSchema.safeParse(JSON.parse(payload.toString())).data;
  } catch {
    return undefined;
  }
}
