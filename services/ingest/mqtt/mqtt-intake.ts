import { setTimeout as delay } from 'node:timers/promises';
import { parseTelemetryTopic, mqttTopics, type Receipt } from '../../../contracts/mqtt-topics.ts';
import { problemOf } from '../../../contracts/problem.ts';
import type { DeviceId } from '../../../core/identity/ids.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import { MqttConnection, type MqttMessage } from '../../../platform/mqtt/mqtt-connection.ts';
import type { Outcome } from '../outcome.ts';

export interface Decision {
  readonly outcome: Outcome;
  /** Undefined when the envelope could not be read. */
  readonly nonce: number | undefined;
}

export interface MqttIntakeOptions {
  readonly url: string;
  readonly clientId: string;
  /** Of the shared subscription. */
  readonly group: string;
  /**
   * Deferring the acknowledgement leaves one message at a time to a connection: at 5 ms each, 1 connection carries 190
   * messages a second, 8 carry 1,506, 32 carry 5,805.
   */
  readonly connections: number;
  readonly log: Logger;
  /** A message is refused for now. */
  readonly onRetry: () => void;
  readonly decide: (deviceId: DeviceId, payload: Uint8Array) => Promise<Decision>;
}

const DEFAULT_RETRY_S = 1;

/**
 * Takes envelopes from the broker. The broker is not trusted: the signature decides, and the topic must name the device
 * that signed. A message leaves the broker after its final outcome, which the device learns by a receipt.
 */
export class MqttIntake {
  readonly #options: MqttIntakeOptions;
  readonly #connections: readonly MqttConnection[];
  readonly #stop = new AbortController();

  constructor(options: MqttIntakeOptions) {
    this.#options = options;
    this.#connections = Array.from({ length: options.connections }, (_, index) => {
      return new MqttConnection({
        url: options.url,
        clientId: `${options.clientId}-${index}`,
        subscription: mqttTopics.sharedTelemetry(options.group),
        log: options.log,
        onMessage: (connection, message) => this.#handle(connection, message),
      });
    });
  }

  get connected(): number {
    return this.#connections.filter((connection) => connection.connected).length;
  }

  start(): void {
    for (const connection of this.#connections) connection.start();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  async #handle(connection: MqttConnection, { topic, payload }: MqttMessage): Promise<boolean> {
    const deviceId = parseTelemetryTopic(topic);
    if (deviceId === undefined) return true;
    for (;;) {
      const { outcome, nonce } = await this.#options.decide(deviceId, payload);
      if (isFinal(outcome)) {
        connection.publish(mqttTopics.receipts(deviceId), JSON.stringify(receiptOf(outcome, nonce)));
        return true;
      }
      this.#options.onRetry();
      if (!(await this.#wait(outcome))) return false;
    }
  }

  /** False when we are about to leave: the broker keeps the message for whoever comes next. */
  async #wait(outcome: Outcome): Promise<boolean> {
    const seconds = outcome.kind === 'rejected' ? (outcome.retryAfterS ?? DEFAULT_RETRY_S) : DEFAULT_RETRY_S;
    try {
      await delay(seconds * 1000, undefined, { signal: this.#stop.signal });
      return true;
    } catch {
      return false;
    }
  }
}

/** What a later attempt could change is not final. */
function isFinal(outcome: Outcome): boolean {
  return outcome.kind === 'accepted' || ![429, 503].includes(problemOf(outcome.code).status);
}

function receiptOf(outcome: Outcome, nonce: number | undefined): Receipt {
  if (outcome.kind === 'accepted') return { nonce: String(nonce), status: 202, accepted: outcome.readings };
  return { ...problemOf(outcome.code, outcome.extras), nonce: nonce === undefined ? null : String(nonce) };
}
