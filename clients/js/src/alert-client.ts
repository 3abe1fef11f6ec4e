import { AlertQueue } from './alert-queue.ts';
import { Backoff } from './backoff.ts';
import { globals, type WebSocketConstructor, type WebSocketLike } from './globals.ts';
import { Listeners } from './listeners.ts';
import {
  isBehind,
  parsePlace,
  parseServerMessage,
  type ActiveAlerts,
  type AlertFilter,
  type AlertMessage,
  type ClientMessage,
  type ErrorCode,
  type GapMessage,
  type HelloMessage,
  type Place,
  type ServerMessage,
} from './messages.ts';
import { readActive } from './read-active.ts';
import { Timers } from './timers.ts';

/**
 *   connecting ──hello──▶ catching-up ──live──▶ live
 *       ▲                     │                  │
 *       └────── waiting ◀─────┴── connection lost┘        closed: by close(), for good
 */
export type ClientState = 'connecting' | 'catching-up' | 'live' | 'waiting' | 'closed';

export interface ClientEvents {
  /** Each transition once, in its order. */
  alert: AlertMessage;
  /** Transitions may have been missed: ask `active()` what is active. */
  gap: GapMessage;
  state: ClientState;
  /** Where the client stands has changed: keep it, and give it as `resume` another day. */
  place: Place;
  /** Other filters hold from here on: what else is active, `active()` tells. */
  filters: readonly AlertFilter[];
  /** False while the server itself does not hear what is decided: no alert may mean nothing. */
  hearing: boolean;
  /** What the server has to say against the client, or why it cannot be reached. It goes on by itself. */
  problem: { readonly code: ErrorCode | 'connection-lost' | 'silent' | 'no-token'; readonly detail: string };
}

export interface AlertClientOptions {
  /** Such as `wss://alerts.example.org/ws/alerts`. */
  readonly url: string;
  /** What is wanted: whatever one of them lets through. Everything that is actual, unless told. */
  readonly filters?: readonly AlertFilter[];
  /** Where a token is needed; a function is asked for each connection and shortly before a token ends. */
  readonly token?: string | (() => string | Promise<string>);
  /** What came behind this place is told first. One that is none, as after the storage was damaged, is told as a gap. */
  readonly resume?: Place | null;
  /** Where there is none built in, as in Node 20: the one of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor;
}

const SUBPROTOCOL = 'telltale.v1';
const HELLO_WITHIN_MS = 10_000;
/** Heartbeats that may be missing. */
const HEARTBEATS = 2.2;
const STABLE_AFTER_MS = 60_000;
/** Before the first hello. */
const RECONNECT = { min_ms: 1000, max_ms: 30_000 };
const RENEW_BEFORE_MS = 30_000;
const RENEW_AGAIN_MS = 1000;
const SUBSCRIBE_EVERY_MS = 500;
const LONGEST_TIMER_MS = 2_000_000_000;

type TimerName = 'watch' | 'reconnect' | 'stable' | 'renew' | 'subscribe';

/** A subscriber of `/ws/alerts` that stays one: it comes back, goes on where it was, and tells each alert once. */
export class AlertClient implements AsyncIterable<AlertMessage> {
  readonly #options: AlertClientOptions;
  readonly #WebSocket: WebSocketConstructor;
  readonly #backoff = new Backoff(RECONNECT.min_ms, RECONNECT.max_ms);
  readonly #queues = new Set<AlertQueue<AlertMessage>>();
  readonly #listeners = new Listeners<ClientEvents>();
  readonly #timers = new Timers<TimerName>();
  readonly #onOnline = (): void => this.reconnectNow();
  #filters: readonly AlertFilter[] | undefined;
  /** The last that the server took. */
  #acceptedFilters: readonly AlertFilter[] | undefined;
  #place: Place | undefined;
  /** There was one, and nobody can go on from it. */
  #hasLostPlace = false;
  #state: ClientState = 'waiting';
  #isHearing = true;
  #socket: WebSocketLike | undefined;
  #heartbeatMs = HELLO_WITHIN_MS;
  /** That the server has asked for, milliseconds. */
  #reconnectAfterMs: number | undefined;

  /** Connects at once. */
  constructor(options: AlertClientOptions) {
    const implementation = options.WebSocket ?? globals.WebSocket;
    if (implementation === undefined) {
      throw new Error('There is no WebSocket here: give the one of the package "ws" as the option WebSocket.');
    }
    this.#options = options;
    this.#WebSocket = implementation;
    this.#filters = options.filters;
    this.#place = parsePlace(options.resume);
    this.#hasLostPlace = this.#place === undefined && (options.resume ?? undefined) !== undefined;
    globals.addEventListener?.('online', this.#onOnline);
    this.#connect();
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Undefined until the first connection. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** Answers a function that ends it. */
  on<Type extends keyof ClientEvents>(type: Type, listener: (event: ClientEvents[Type]) => void): () => void {
    return this.#listeners.add(type, listener);
  }

  /** The alerts from now on; the loop ends with `close`, and leaving it closes nothing. */
  [Symbol.asyncIterator](): AsyncIterator<AlertMessage, undefined> {
    const queue = new AlertQueue<AlertMessage>(() => this.#queues.delete(queue));
    if (this.#state === 'closed') queue.close();
    else this.#queues.add(queue);
    return queue;
  }

  /** The whole set, in place of the one before. */
  subscribe(filters: readonly AlertFilter[]): void {
    this.#filters = filters;
    // A map that is moved asks many times a second, and the server hears two.
    if (this.#timers.has('subscribe')) return;
    this.#saySubscribe();
  }

  /** What is active, of what the client wants or of something else; rejects when the server does not answer. */
  async active(filters = this.#filters): Promise<ActiveAlerts> {
    return await readActive(this.#options.url, filters, await this.#token());
  }

  /** Does not wait any longer: the network is back, or the screen is on. */
  reconnectNow(): void {
    if (this.#state !== 'waiting') return;
    this.#timers.stop('reconnect');
    this.#connect();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#letGo();
    globals.removeEventListener?.('online', this.#onOnline);
    this.#setState('closed');
    for (const queue of this.#queues) queue.close();
    this.#queues.clear();
  }

  #connect(): void {
    this.#letGo();
    this.#setState('connecting');
    // Whoever was told may have ended it.
    if (this.#hasState('closed')) return;
    this.#reconnectAfterMs = undefined;
    let socket: WebSocketLike;
    try {
      socket = new this.#WebSocket(this.#options.url, [SUBPROTOCOL]);
    } catch (error) {
      // An address that is none is nothing that time mends.
      this.close();
      throw error;
    }
    this.#socket = socket;
    const ifCurrent = (action: (event: { readonly data?: unknown; readonly code?: number }) => void) => {
      return (event: never): void => {
        if (this.#socket === socket) action(event);
      };
    };
    socket.onmessage = ifCurrent(({ data }) => this.#receive(data));
    socket.onclose = ifCurrent(({ code }) =>
      this.#lose('connection-lost', `the connection has ended (${code ?? 1006})`),
    );
    // A close follows it.
    socket.onerror = () => undefined;
    this.#watch(HELLO_WITHIN_MS);
  }

  #receive(data: unknown): void {
    const message = parseServerMessage(data);
    this.#watch(this.#heartbeatMs);
    if (message !== undefined) this.#handle(message);
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        void this.#begin(message);
        return;
      case 'authenticated':
        this.#renewBefore(message.expires_in_s);
        return;
      case 'subscribed':
        this.#acceptedFilters = this.#filters;
        // Nothing is known of what was before.
        if (this.#place === undefined) this.#moveTo(message);
        if (this.#hasLostPlace) {
          this.#hasLostPlace = false;
          this.#listeners.emit('gap', { ...message, type: 'gap', reason: 'other-epoch' });
        }
        if (this.#hasState('live') && this.#filters !== undefined) this.#listeners.emit('filters', this.#filters);
        return;
      case 'live':
        this.#setState('live');
        this.#hearing(true);
        this.#moveTo(message);
        return;
      case 'alert':
        this.#tell(message);
        return;
      case 'gap':
        this.#place = undefined;
        this.#moveTo(message);
        this.#listeners.emit('gap', message);
        return;
      case 'heartbeat':
        this.#hearing(message.live);
        if (this.#state === 'live') this.#moveTo(message);
        return;
      case 'reconnect':
        this.#reconnectAfterMs = message.after_ms;
        return;
      case 'error':
        if (message.code === 'invalid-message') this.#takeBack();
        this.#listeners.emit('problem', message);
    }
  }

  /** What the server does not take it would not take with the next connection either: a client that insists is deaf. */
  #takeBack(): void {
    const isSubscribing = this.#hasState('catching-up');
    if (this.#acceptedFilters !== undefined && this.#filters !== this.#acceptedFilters) {
      this.#filters = this.#acceptedFilters;
    } else if (isSubscribing && this.#place !== undefined) {
      this.#place = undefined;
      this.#hasLostPlace = true;
    } else return;
    if (isSubscribing) this.#send({ type: 'subscribe', filters: this.#filters, resume: this.#place });
  }

  async #begin({ heartbeat_s: heartbeatS, reconnect, token_required: needsToken }: HelloMessage): Promise<void> {
    this.#heartbeatMs = heartbeatS * HEARTBEATS * 1000;
    this.#backoff.bound(reconnect.min_ms, reconnect.max_ms);
    this.#watch(this.#heartbeatMs);
    this.#timers.start('stable', STABLE_AFTER_MS, () => this.#backoff.reset());
    if (needsToken && !(await this.#authenticate())) return;
    this.#setState('catching-up');
    this.#send({ type: 'subscribe', filters: this.#filters, resume: this.#place });
  }

  /** Whether the token has been sent on the connection for which it was asked. */
  async #authenticate(): Promise<boolean> {
    const socket = this.#socket;
    try {
      const token = await this.#token();
      if (this.#socket !== socket || socket === undefined) return false;
      if (token === undefined) throw new Error('the server asks for a token, and the option token is not there');
      this.#send({ type: 'authenticate', token });
      return true;
    } catch (error) {
      if (this.#socket === socket) this.#lose('no-token', textOf(error));
      return false;
    }
  }

  /** The connection is good until its token ends: what fails is tried again. */
  async #renew(): Promise<void> {
    const socket = this.#socket;
    try {
      const token = await this.#token();
      if (this.#socket === socket && token !== undefined) this.#send({ type: 'authenticate', token });
    } catch (error) {
      if (this.#socket !== socket) return;
      this.#timers.start('renew', RENEW_AGAIN_MS, () => void this.#renew());
      this.#listeners.emit('problem', { code: 'no-token', detail: textOf(error) });
    }
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#options;
    return typeof token === 'function' ? await token() : token;
  }

  #renewBefore(expiresInS: number): void {
    if (typeof this.#options.token !== 'function') return;
    const leftMs = expiresInS * 1000;
    const afterMs = Math.max(RENEW_AGAIN_MS, leftMs / 2, leftMs - RENEW_BEFORE_MS);
    this.#timers.start('renew', Math.min(LONGEST_TIMER_MS, afterMs), () => void this.#renew());
  }

  #tell(alert: AlertMessage): void {
    const place = this.#place;
    if (place?.epoch === alert.epoch && !isBehind(place, alert)) return;
    const told = { epoch: alert.epoch, cursor: alert.cursor };
    this.#place = told;
    for (const queue of this.#queues) queue.push(alert);
    this.#listeners.emit('alert', alert);
    // Whoever keeps the place has had the alert.
    this.#listeners.emit('place', told);
  }

  /** Never back, in one history. */
  #moveTo({ epoch, cursor }: Place): void {
    const place = { epoch, cursor };
    if (this.#place?.epoch === epoch && !isBehind(this.#place, place)) return;
    this.#place = place;
    this.#listeners.emit('place', place);
  }

  #hearing(isHearing: boolean): void {
    if (this.#isHearing === isHearing) return;
    this.#isHearing = isHearing;
    this.#listeners.emit('hearing', isHearing);
  }

  #send(message: ClientMessage): void {
    try {
      this.#socket?.send(JSON.stringify(message));
    } catch {
      // It is about to be closed, and told so.
    }
  }

  #saySubscribe(): void {
    const filters = this.#filters;
    if (filters === undefined || !(this.#hasState('live') || this.#hasState('catching-up'))) return;
    this.#send({ type: 'subscribe', filters });
    this.#timers.start('subscribe', SUBSCRIBE_EVERY_MS, () => {
      if (this.#filters !== filters) this.#saySubscribe();
    });
  }

  /** A connection over which nothing comes may be none. */
  #watch(ms: number): void {
    this.#timers.start('watch', ms, () => this.#lose('silent', `nothing was heard for ${Math.round(ms / 1000)} s`));
  }

  #lose(code: ClientEvents['problem']['code'], detail: string): void {
    this.#letGo();
    // Before anybody is told: who is told may connect at once, or end it.
    this.#timers.start('reconnect', this.#reconnectAfterMs ?? this.#backoff.next(), () => this.#connect());
    this.#setState('waiting');
    this.#listeners.emit('problem', { code, detail });
  }

  /** The socket is nobody's any more, whenever it notices. */
  #letGo(): void {
    this.#timers.stopAll();
    const socket = this.#socket;
    this.#socket = undefined;
    try {
      socket?.close(1000);
    } catch {
      // It was none yet, or is none any more.
    }
  }

  /** A method, for it changes while others are told. */
  #hasState(state: ClientState): boolean {
    return this.#state === state;
  }

  #setState(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listeners.emit('state', state);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
