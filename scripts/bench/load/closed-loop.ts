import { build, type Histogram } from 'hdr-histogram-js';
import { canBindLocalAddress, localAddressOf } from '../../../firmware-sim/transport/local-address.ts';
import { parseReply } from '../../../firmware-sim/transport/parse-reply.ts';
import { CommandFailure } from '../../process/failure.ts';
import { LoadConnection } from './load-connection.ts';
import type { HttpReply } from './reply-reader.ts';

export interface ClosedLoopOptions {
  readonly port: number;
  /** For each connection, in the order in which they are sent. */
  readonly requests: readonly (readonly Buffer[])[];
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly stop: AbortSignal;
}

export interface LoadResult {
  /** In and outside the window. */
  readonly accepted: number;
  readonly acceptedPerS: number;
  /** From request to reply, of those that were accepted in the window. */
  readonly latencyUs: Histogram;
  /** Requests without a 202, by problem code or by what happened to their connection. */
  readonly failures: ReadonlyMap<string, number>;
}

/** After the window every request under way is answered, or never. */
const LAST_REPLY_DEADLINE_MS = 10_000;

/** Keeps one request under way on every connection through the warm-up and the window. */
export class ClosedLoop {
  readonly #options: ClosedLoopOptions;
  readonly #connections: readonly LoadConnection[];
  readonly #latencyUs: Histogram = build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: 3 });
  readonly #failures = new Map<string, number>();
  #windowFromMs = 0;
  #windowToMs = 0;
  #accepted = 0;
  #running: number;
  #ranOut = false;
  #finish: () => void = () => undefined;

  constructor(options: ClosedLoopOptions) {
    this.#options = options;
    this.#running = options.requests.length;
    const bound = canBindLocalAddress(new URL('http://127.0.0.1'), process.platform);
    this.#connections = options.requests.map((requests, index) => {
      const target = { port: options.port, localAddress: bound ? localAddressOf(index) : undefined };
      return new LoadConnection(target, {
        next: this.#take(requests),
        replied: (reply, sentAtMs, nowMs) => this.#count(reply, sentAtMs, nowMs),
        broken: (reason) => this.#fail(reason),
        ended: () => {
          this.#running -= 1;
          if (this.#running === 0) this.#finish();
        },
      });
    });
  }

  async run(): Promise<LoadResult> {
    const { warmUpMs, windowMs, stop } = this.#options;
    await Promise.all(this.#connections.map((connection) => connection.open()));
    const finished = new Promise<void>((resolve) => (this.#finish = resolve));
    const onStop = () => this.#abort('stopped');
    const deadline = setTimeout(() => this.#abort('no reply'), warmUpMs + windowMs + LAST_REPLY_DEADLINE_MS);
    stop.addEventListener('abort', onStop, { once: true });
    this.#windowFromMs = performance.now() + warmUpMs;
    this.#windowToMs = this.#windowFromMs + windowMs;
    for (const connection of this.#connections) connection.start();
    await finished;
    clearTimeout(deadline);
    stop.removeEventListener('abort', onStop);
    stop.throwIfAborted();
    if (this.#ranOut) throw this.#supplyFailure();
    return {
      accepted: this.#accepted,
      acceptedPerS: (this.#latencyUs.totalCount * 1000) / windowMs,
      latencyUs: this.#latencyUs,
      failures: this.#failures,
    };
  }

  #abort(reason: string): void {
    for (const connection of this.#connections) connection.abort(reason);
  }

  #take(requests: readonly Buffer[]): () => Buffer | undefined {
    let next = 0;
    return () => {
      if (performance.now() >= this.#windowToMs) return undefined;
      const request = requests[next];
      next += 1;
      if (request === undefined) {
        this.#ranOut = true;
        this.#abort('the requests ran out');
      }
      return request;
    };
  }

  #count(reply: HttpReply, sentAtMs: number, nowMs: number): void {
    if (reply.status !== 202) {
      const delivery = parseReply({ ...reply, retryAfter: undefined });
      this.#fail('code' in delivery ? delivery.code : `status ${reply.status}`);
      return;
    }
    this.#accepted += 1;
    if (nowMs < this.#windowFromMs || nowMs >= this.#windowToMs) return;
    this.#latencyUs.recordValue(Math.round((nowMs - sentAtMs) * 1000));
  }

  #fail(reason: string): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }

  #supplyFailure(): CommandFailure {
    const signed = this.#options.requests.reduce((sum, requests) => sum + requests.length, 0);
    return new CommandFailure(
      `The requests ran out before the window ended: ${signed} were signed, and none is sent twice. This machine is faster than the supply was made for.`,
    );
  }
}
