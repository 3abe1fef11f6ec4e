import type { Place } from '../../../contracts/alert-stream.ts';
import { parseCursor } from '../../../contracts/cursor.ts';
import type { Passage } from '../../../core/alerts/alert-filter.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { TemplatedApp } from '../../../platform/http/uws.ts';
import type { Gate, Refusal } from '../access/gate.ts';
import type { FanOutTarget } from '../delivery/fan-out.ts';
import type { FilterSet, FilterSets } from '../delivery/filter-sets.ts';
import type { BroadcasterMetrics } from '../metrics.ts';
import type { AlertEntry } from '../stream/alert-entry.ts';
import type { AlertStream } from '../stream/alert-stream.ts';
import { EventStream } from './event-stream.ts';
import { Exchange } from './exchange.ts';
import { parseFilterQuery } from './filter-query.ts';

const PATH = '/alerts/stream';

export interface EventStreamsOptions {
  readonly app: TemplatedApp;
  readonly stream: Pick<AlertStream, 'window' | 'refresh' | 'alive'>;
  readonly sets: FilterSets;
  readonly gate: Gate;
  readonly reconnect: { readonly min_ms: number; readonly max_ms: number };
  readonly metrics: BroadcasterMetrics;
  readonly log: Logger;
}

/** `/alerts/stream`: the same alerts for those who cannot speak WebSocket. */
export class EventStreams implements FanOutTarget {
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<EventStream>();
  readonly #live = new Map<FilterSet, Set<EventStream>>();

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    options.app.get(PATH, (response, request) => {
      const exchange = new Exchange(response, request, options.gate);
      options.gate.admit(response, request, {
        onGone: (callback) => exchange.onGone(callback),
        refuse: (refusal) => putOff(exchange, refusal),
        proceed: (address) => {
          this.#handle(exchange, address).catch((error: unknown) => {
            options.log.error({ err: error }, 'a subscriber cannot be served');
            if (!exchange.isGone) response.close();
          });
        },
      });
    });
  }

  get size(): number {
    return this.#open.size;
  }

  publish(set: FilterSet, entry: AlertEntry, passage: Passage): void {
    for (const stream of [...(this.#live.get(set) ?? [])]) stream.publish(entry, passage);
  }

  heartbeat(set: FilterSet, text: string): void {
    for (const stream of this.#live.get(set) ?? []) stream.heartbeat(text);
  }

  look(): void {
    const nowMs = performance.now();
    for (const stream of this.#open) stream.look(nowMs);
  }

  reset(): void {
    for (const stream of this.#open) stream.reset();
  }

  close(spreadMs: number): void {
    for (const stream of this.#open) stream.restart(Math.round(Math.random() * spreadMs));
  }

  async #handle(exchange: Exchange, address: string): Promise<void> {
    const { gate } = this.#options;
    const { response } = exchange;
    const release = once(() => gate.limits.release(address));
    exchange.onGone(release);
    const query = parseFilterQuery(exchange.query);
    const resume = parseEventId(exchange.lastEventId);
    const account = query.ok ? await exchange.authorize() : undefined;
    if (exchange.isGone) return release();
    if (!query.ok) {
      exchange.refuse('400 Bad Request', query.detail);
      return release();
    }
    if (account === undefined) return release();
    const known = account === 'public' ? undefined : account;
    if (known !== undefined && !gate.limits.admitAccount(known.name)) {
      putOff(exchange, gate.refusal('too-many-of-account'));
      return release();
    }
    const stream = new EventStream({
      response,
      stream: this.#options.stream,
      sets: this.#options.sets,
      account: known,
      tokens: gate.tokens,
      metrics: this.#options.metrics,
      join: (set, joined) => this.#join(set, joined),
      leave: (set, left) => this.#leave(set, left),
      onSlow: () => this.#options.metrics.slowConsumersClosed.inc(),
      onClosed: () => {
        this.#open.delete(stream);
        release();
        if (known !== undefined) gate.limits.releaseAccount(known.name);
      },
    });
    this.#open.add(stream);
    exchange.onGone(() => stream.closed());
    response.cork(() => {
      // Proxies would hold events back.
      exchange.begin('text/event-stream', { 'x-accel-buffering': 'no' });
      response.write(`retry: ${Math.round(this.#options.reconnect.min_ms + Math.random() * 1000)}\n\n`);
    });
    await stream.open(query.filters, resume);
  }

  #join(set: FilterSet, stream: EventStream): void {
    const streams = this.#live.get(set);
    if (streams === undefined) this.#live.set(set, new Set([stream]));
    else streams.add(stream);
  }

  #leave(set: FilterSet, stream: EventStream): void {
    const streams = this.#live.get(set);
    streams?.delete(stream);
    if (streams?.size === 0) this.#live.delete(set);
  }
}

/** `EventSource` never comes back after a refusal: it is let in, told when to come back, and let out. */
function putOff(exchange: Exchange, { status, detail, afterS }: Refusal): void {
  if (afterS === undefined) exchange.refuse(status, detail);
  else exchange.end('200 OK', 'text/event-stream', `retry: ${afterS * 1000}\n: ${detail}\n\n`);
}

/** `<epoch>/<cursor>`; what is no such text is a place that nobody has been at. */
function parseEventId(id: string): Place | undefined {
  if (id === '') return undefined;
  const [epoch = '', cursor = ''] = id.split('/', 2);
  return parseCursor(cursor) === undefined ? { epoch: '', cursor: '0-0' } : { epoch, cursor };
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}
