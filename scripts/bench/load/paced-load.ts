import { build } from 'hdr-histogram-js';
import { setTimeout as delay } from 'node:timers/promises';
import { localAddressOf } from '../../../firmware-sim/transport/local-address.ts';
import { LoadConnection } from '../load/load-connection.ts';

export interface PacedLoadOptions {
  readonly port: number;
  /** For each connection, in the order in which they are sent. */
  readonly requests: readonly (readonly Buffer[])[];
  /** Of all connections together. */
  readonly perS: number;
  /** What is due before counts as accepted or refused, and not for the latency: keys are imported, code is compiled. */
  readonly warmUpMs: number;
  readonly stop: AbortSignal;
}

export interface PacedResult {
  /** Due within the time, whether they were answered or not. */
  readonly due: number;
  readonly accepted: number;
  /** From when a request was due, not from when it could be sent. */
  readonly p99Ms: number;
  readonly refused: ReadonlyMap<number, number>;
}

interface Pacing {
  readonly connection: LoadConnection;
  /** `performance.now()` at which each request is due. */
  readonly dueAt: (index: number) => number;
  sent: number;
}

const TICK_MS = 1;
const LAST_REPLY_MS = 2000;

/** Honest devices: each request has its time, and what is late counts as late from then on. */
export class PacedLoad {
  readonly #options: PacedLoadOptions;
  readonly #latencyUs = build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: 3 });
  readonly #refused = new Map<number, number>();
  #accepted = 0;

  constructor(options: PacedLoadOptions) {
    this.#options = options;
  }

  async run(): Promise<PacedResult> {
    const { requests, stop } = this.#options;
    const startMs = performance.now();
    const pacings = requests.map((own, index) => this.#pace(own, index, startMs));
    await Promise.all(pacings.map(({ connection }) => connection.open()));
    const durationMs = ((requests[0]?.length ?? 0) * requests.length * 1000) / this.#options.perS;
    while (performance.now() < startMs + durationMs + LAST_REPLY_MS && this.#isUnderWay(pacings)) {
      for (const { connection } of pacings) connection.resume();
      await delay(TICK_MS);
      stop.throwIfAborted();
    }
    for (const { connection } of pacings) connection.abort('the time is over');
    return {
      due: requests.reduce((sum, own) => sum + own.length, 0),
      accepted: this.#accepted,
      p99Ms: this.#latencyUs.getValueAtPercentile(99) / 1000,
      refused: this.#refused,
    };
  }

  #isUnderWay(pacings: readonly Pacing[]): boolean {
    return pacings.some(({ connection, sent }, index) => {
      return !connection.isIdle || sent < (this.#options.requests[index]?.length ?? 0);
    });
  }

  #pace(requests: readonly Buffer[], index: number, startMs: number): Pacing {
    const everyMs = (1000 * this.#options.requests.length) / this.#options.perS;
    const dueAt = (sent: number) => startMs + everyMs * (sent + index / this.#options.requests.length);
    const target = { port: this.#options.port, localAddress: localAddressOf(index) };
    const connection = new LoadConnection(target, {
      next: () => {
        const request = requests[pacing.sent];
        if (request === undefined || performance.now() < dueAt(pacing.sent)) return 'later';
        pacing.sent += 1;
        return request;
      },
      replied: ({ status }, _, nowMs) => {
        if (status === 202) this.#accepted += 1;
        else this.#refused.set(status, (this.#refused.get(status) ?? 0) + 1);
        const dueMs = dueAt(pacing.sent - 1);
        if (dueMs < startMs + this.#options.warmUpMs) return;
        this.#latencyUs.recordValue(Math.round((nowMs - dueMs) * 1000));
      },
      broken: () => this.#refused.set(0, (this.#refused.get(0) ?? 0) + 1),
      ended: () => undefined,
    });
    const pacing: Pacing = { connection, dueAt, sent: 0 };
    return pacing;
  }
}
