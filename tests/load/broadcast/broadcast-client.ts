import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';
import { alertMessageSchema, serverMessageSchema, SUBPROTOCOL } from '../../../contracts/alert-stream.ts';
import { SOURCE_FILTERS } from '../../../scripts/bench/fan-out/alert-source.ts';

const LIVE_WITHIN_MS = 20_000;

/** A phone, as the server sees it: what comes twice is not hidden by a client that knows better. */
export class BroadcastClient implements Disposable {
  /** By the subject of the alert, when it was raised here, Unix milliseconds, each time. */
  readonly raised = new Map<string, number[]>();
  readonly #socket: WebSocket;
  readonly #told = new Set<string>();
  readonly #events = new EventEmitter();
  #isLive = false;
  #problem = '';

  constructor(url: string, token: string | undefined) {
    this.#socket = new WebSocket(url, [SUBPROTOCOL, ...(token === undefined ? [] : [`bearer.${token}`])]);
    this.#socket.on('error', (error) => (this.#problem = error.message));
    this.#socket.on('close', (code, reason) => (this.#problem = `closed with ${code} ${reason.toString('utf8')}`));
    this.#socket.on('message', (data: Buffer) => this.#receive(data.toString('utf8')));
  }

  async untilLive(isWithToken: boolean): Promise<void> {
    const deadline = AbortSignal.timeout(LIVE_WITHIN_MS);
    await once(this.#socket, 'open', { signal: deadline });
    // The reply to a token comes before that to what is said after it.
    if (isWithToken) await this.#until('authenticated', deadline);
    this.#socket.send(JSON.stringify({ type: 'subscribe', filters: SOURCE_FILTERS }));
    await this.#until('live', deadline);
    this.#isLive = true;
  }

  /** What has gone wrong, in words; empty for nothing. */
  get problem(): string {
    return this.#isLive && this.#problem === '' ? '' : this.#problem || 'not live';
  }

  /** A message of this type has come, perhaps with others at once. */
  async #until(type: 'authenticated' | 'live', signal: AbortSignal): Promise<void> {
    if (!this.#told.has(type)) await once(this.#events, type, { signal });
  }

  #receive(text: string): void {
    const nowMs = performance.timeOrigin + performance.now();
    if (!text.startsWith('{"type":"alert"')) {
      const { type } = serverMessageSchema.parse(JSON.parse(text));
      this.#told.add(type);
      this.#events.emit(type);
      return;
    }
    const { subject, kind } = alertMessageSchema.parse(JSON.parse(text));
    if (kind !== 'raised') return;
    const times = this.raised.get(subject);
    if (times === undefined) this.raised.set(subject, [nowMs]);
    else times.push(nowMs);
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}
