import type { GapReason, Place, ServerMessage } from '../../../contracts/alert-stream.ts';
import type { Cursor } from '../../../contracts/cursor.ts';
import type { AlertFilters, Passage } from '../../../core/alerts/alert-filter.ts';
import type { HttpResponse } from '../../../platform/http/uws.ts';
import type { Account, TokenVerifier } from '../access/token-verifier.ts';
import type { FilterSet, FilterSets } from '../delivery/filter-sets.ts';
import { Subscription, type Outlet, type SubscriptionMetrics } from '../delivery/subscription.ts';
import type { AlertStream } from '../stream/alert-stream.ts';
import type { AlertEntry } from '../stream/alert-entry.ts';

export interface EventStreamOptions {
  readonly response: HttpResponse;
  readonly stream: Pick<AlertStream, 'window' | 'refresh' | 'alive'>;
  readonly sets: FilterSets;
  readonly account: Account | undefined;
  readonly tokens: TokenVerifier | undefined;
  readonly metrics: SubscriptionMetrics;
  readonly join: (set: FilterSet, stream: EventStream) => void;
  readonly leave: (set: FilterSet, stream: EventStream) => void;
  /** It has ended while it did not take what there was. */
  readonly onSlow: () => void;
  readonly onClosed: () => void;
}

/** Of taking nothing, after which a connection is given up; uWebSockets would do it a little later, without telling why. */
const STUCK_AFTER_MS = 8000;

/** One connection of `/alerts/stream` (server-sent events, HTML Standard section 9.2). */
export class EventStream implements Outlet {
  readonly #options: EventStreamOptions;
  readonly #subscription: Subscription;
  /** When the connection stopped taking more. */
  #stuckAtMs: number | undefined;
  #isClosed = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#subscription = new Subscription(options.stream, options.sets, this, options.metrics);
    options.response.onWritable(() => {
      if (this.#isClosed) return true;
      this.#stuckAtMs = undefined;
      this.#subscription.pump();
      // What uWebSockets still has goes out with the next write only.
      if (!this.#isStuck()) this.#write(':\n\n');
      return true;
    });
  }

  async open(filters: AlertFilters, resume: Place | undefined): Promise<void> {
    await this.#subscription.subscribe(filters, resume);
  }

  /** An entry as it happens. */
  publish(entry: AlertEntry, passage: Passage): void {
    if (!this.send(entry, passage)) this.#subscription.fallBehind(entry);
  }

  send(entry: AlertEntry, passage: Passage): boolean {
    return this.#write(`id: ${entry.eventId}\nevent: alert\ndata: ${entry.message(passage)}\n\n`);
  }

  join(set: FilterSet): void {
    this.#options.join(set, this);
  }

  leave(set: FilterSet): void {
    this.#options.leave(set, this);
  }

  onSubscribed(at: Cursor): void {
    this.#tell({ type: 'subscribed', ...this.#place(at) });
  }

  onLive(at: Cursor): void {
    this.#tell({ type: 'live', ...this.#place(at) });
    if (!this.#options.stream.alive) this.#tell({ type: 'heartbeat', ...this.#place(at), live: false });
  }

  onBehind(): void {
    this.end();
  }

  onGap(reason: GapReason, at: Cursor): void {
    this.#tell({ type: 'gap', reason, ...this.#place(at) });
  }

  /** To one that is behind nothing is told: the place of a heartbeat is where the client goes on from. */
  heartbeat(text: string): void {
    const { end } = this.#options.stream.window;
    if (this.#subscription.isLive) this.#write(`id: ${this.#eventId(end)}\nevent: heartbeat\ndata: ${text}\n\n`);
  }

  look(nowMs: number): void {
    const { account, tokens } = this.#options;
    if (this.#stuckAtMs !== undefined && nowMs - this.#stuckAtMs > STUCK_AFTER_MS) {
      this.#options.response.close();
    } else if (account !== undefined && tokens?.check(account, Date.now()) === false) {
      this.#tell({ type: 'error', code: 'token-expired', detail: 'the token has expired, or its key was taken away' });
      this.end();
    }
  }

  reset(): void {
    this.#subscription.reset();
  }

  restart(afterMs: number): void {
    // EventSource waits so long before it connects again.
    this.#write(`retry: ${afterMs}\n\n`);
    this.end();
  }

  end(): void {
    if (this.#isClosed) return;
    this.closed();
    this.#options.response.cork(() => this.#options.response.end());
  }

  /** The connection has ended. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#stuckAtMs !== undefined) this.#options.onSlow();
    this.#subscription.close();
    this.#options.onClosed();
  }

  /** A method, for it changes while entries are sent. */
  #isStuck(): boolean {
    return this.#stuckAtMs !== undefined;
  }

  #tell(message: ServerMessage): void {
    // Only an event with an id moves what the client resumes from.
    const id = 'cursor' in message ? `id: ${message.epoch}/${message.cursor}\n` : '';
    this.#write(`${id}event: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`);
  }

  #write(text: string): boolean {
    if (this.#isClosed) return false;
    // Within a cork the answer would come before anything is sent.
    const takesMore = this.#options.response.write(text);
    if (!takesMore) this.#stuckAtMs ??= performance.now();
    return takesMore;
  }

  #eventId({ ms, seq }: Cursor): string {
    return `${this.#options.stream.window.epoch}/${ms}-${seq}`;
  }

  #place({ ms, seq }: Cursor): { epoch: string; cursor: string } {
    return { epoch: this.#options.stream.window.epoch, cursor: `${ms}-${seq}` };
  }
}
