import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import type { Logger } from '../log/logger.ts';

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface MqttConnectionOptions {
  readonly url: string;
  /** Stable: the broker keeps what is published while we are away for the session of this name. */
  readonly clientId: string;
  /** The topic filter that messages are taken from. */
  readonly subscription: string;
  readonly log: Logger;
  /** Resolves when the message has found its end and may be forgotten by the broker; false leaves it with the broker. */
  readonly onMessage: (connection: MqttConnection, message: MqttMessage) => Promise<boolean>;
}

/** How long the broker keeps a session whose process does not come back. */
const SESSION_EXPIRY_S = 7 * 86_400;
/** One is worked on; the others are here when it is done. More would wait behind a connection that is frozen. */
const RECEIVE_MAXIMUM = 8;
const LONGEST_RECONNECT_WAIT_MS = 5000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Passes a message over without acknowledging it, so that the broker keeps it. What follows it is read all the same: the
 * broker's own acknowledgements of what we published, without which the connection would not end in order.
 */
const NOT_ACKNOWLEDGED = new Error('left with the broker');

/** One MQTT 5 connection with a persistent session: takes messages one at a time and acknowledges each at its end. */
export class MqttConnection {
  readonly #options: MqttConnectionOptions;
  readonly #client: MqttClient;
  #failures = 0;
  #stopping = false;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(options: MqttConnectionOptions) {
    this.#options = options;
    const clientOptions: IClientOptions = {
      clientId: options.clientId,
      protocolVersion: 5,
      clean: false,
      properties: { sessionExpiryInterval: SESSION_EXPIRY_S, receiveMaximum: RECEIVE_MAXIMUM },
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: 1,
      manualConnect: true,
      // Left to itself, the client takes a session that is still there for one that is still subscribed.
      resubscribe: false,
    };
    this.#client = connect(options.url, clientOptions);
    this.#client.on('connect', () => this.#handleConnect());
    this.#client.on('close', () => this.#handleClose());
    // Every failure also closes; without a listener it would end the process.
    this.#client.on('error', (error) => options.log.debug({ err: error, client: options.clientId }, 'MQTT error'));
    this.#client.handleMessage = (packet, done) => {
      this.#underWay = this.#take(packet, done);
    };
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  start(): void {
    this.#client.connect();
  }

  /** Sent at least once; kept through a reconnect, lost only with the process. */
  publish(topic: string, payload: string): void {
    this.#client.publish(topic, payload, { qos: 1 }, () => undefined);
  }

  /** Finishes the message under way, if that is possible, and leaves; the session stays with the broker. */
  async close(): Promise<void> {
    this.#stopping = true;
    await this.#underWay;
    await this.#client.endAsync(!this.connected);
  }

  async #take(packet: IPublishPacket, done: (error?: Error) => void): Promise<void> {
    if (this.#stopping) {
      done(NOT_ACKNOWLEDGED);
      return;
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const isFinal = await this.#options.onMessage(this, { topic: packet.topic, payload });
    done(isFinal ? undefined : NOT_ACKNOWLEDGED);
  }

  #handleConnect(): void {
    const { log, clientId, subscription } = this.#options;
    if (this.#failures > 0) log.info({ client: clientId }, 'MQTT connection is back');
    this.#failures = 0;
    // Also on a session that the broker still knows: Mosquitto 2.0 forgets the shared subscriptions of a session when it
    // restarts, and no message would ever come.
    this.#client.subscribe(subscription, { qos: 1, rh: 2 }, (error) => {
      if (error) log.error({ err: error, client: clientId }, 'the broker refuses the subscription');
    });
  }

  #handleClose(): void {
    if (this.#stopping) return;
    this.#failures += 1;
    if (this.#failures === 1) this.#options.log.warn({ client: this.#options.clientId }, 'MQTT connection lost');
    const longestMs = Math.min(LONGEST_RECONNECT_WAIT_MS, 50 * 2 ** Math.min(this.#failures, 10));
    this.#client.options.reconnectPeriod = Math.max(1, Math.random() * longestMs);
  }
}
