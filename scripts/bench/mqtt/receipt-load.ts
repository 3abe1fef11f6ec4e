import { setTimeout as delay } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { mqttTopics, receiptSchema } from '../../../contracts/mqtt-topics.ts';

export interface MqttEnvelope {
  readonly deviceId: string;
  readonly payload: Buffer;
}

export interface ReceiptLoadOptions {
  readonly url: string;
  /** For each client, in the order in which they are published. */
  readonly envelopes: readonly (readonly MqttEnvelope[])[];
  /** Envelopes without a receipt that a client has at most. */
  readonly underWay: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly stop: AbortSignal;
}

export interface ReceiptLoadResult {
  readonly accepted: number;
  readonly acceptedPerS: number;
  /** Receipts by what they say instead. */
  readonly refused: ReadonlyMap<string, number>;
  readonly ranOut: boolean;
}

const POLL_MS = 50;
const LAST_RECEIPT_MS = 10_000;

/** Clients that publish signed packs, each as many at once as it may, and count their receipts. */
export class ReceiptLoad {
  readonly #options: ReceiptLoadOptions;
  readonly #refused = new Map<string, number>();
  #accepted = 0;
  #inWindow = 0;
  #windowFromMs = 0;
  #windowToMs = 0;
  #underWay = 0;
  #ranOut = false;

  constructor(options: ReceiptLoadOptions) {
    this.#options = options;
  }

  async run(): Promise<ReceiptLoadResult> {
    const { url, envelopes, warmUpMs, windowMs, stop } = this.#options;
    const clients = await Promise.all(envelopes.map(() => connectAsync(url, { protocolVersion: 5 })));
    try {
      await Promise.all(clients.map((client, index) => this.#subscribe(client, envelopes[index] ?? [])));
      this.#windowFromMs = performance.now() + warmUpMs;
      this.#windowToMs = this.#windowFromMs + windowMs;
      for (const [index, client] of clients.entries()) this.#start(client, envelopes[index] ?? []);
      while (
        performance.now() < this.#windowToMs ||
        (this.#underWay > 0 && performance.now() < this.#windowToMs + LAST_RECEIPT_MS)
      ) {
        await delay(POLL_MS, undefined, { signal: stop });
      }
    } finally {
      await Promise.all(clients.map((client) => client.endAsync(true)));
    }
    return {
      accepted: this.#accepted,
      acceptedPerS: (this.#inWindow * 1000) / windowMs,
      refused: this.#refused,
      ranOut: this.#ranOut,
    };
  }

  async #subscribe(client: MqttClient, envelopes: readonly MqttEnvelope[]): Promise<void> {
    const devices = new Set(envelopes.map(({ deviceId }) => deviceId));
    await client.subscribeAsync(
      [...devices].map((deviceId) => mqttTopics.receipts(deviceId)),
      { qos: 1 },
    );
  }

  #start(client: MqttClient, envelopes: readonly MqttEnvelope[]): void {
    let next = 0;
    const publish = (): void => {
      if (performance.now() >= this.#windowToMs) return;
      const envelope = envelopes[next];
      next += 1;
      if (envelope === undefined) {
        this.#ranOut = true;
        return;
      }
      this.#underWay += 1;
      client.publish(mqttTopics.telemetry(envelope.deviceId), envelope.payload, { qos: 1 }, () => undefined);
    };
    client.on('message', (_, payload) => {
      this.#count(receiptSchema.parse(JSON.parse(payload.toString())));
      publish();
    });
    for (let i = 0; i < this.#options.underWay; i += 1) publish();
  }

  #count(receipt: { readonly status: number; readonly code?: unknown }): void {
    this.#underWay -= 1;
    if (receipt.status !== 202) {
      const code = String(receipt.code);
      this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
      return;
    }
    this.#accepted += 1;
    const nowMs = performance.now();
    if (nowMs >= this.#windowFromMs && nowMs < this.#windowToMs) this.#inWindow += 1;
  }
}
