import type { GapReason, Place } from '../../../contracts/alert-stream.ts';
import { compareCursors, parseCursor, type Cursor } from '../../../contracts/cursor.ts';
import { decidePassage, DEFAULT_FILTERS, type AlertFilters, type Passage } from '../../../core/alerts/alert-filter.ts';
import type { BroadcasterMetrics } from '../metrics.ts';
import type { AlertEntry } from '../stream/alert-entry.ts';
import type { AlertWindow } from '../stream/alert-window.ts';
import type { FilterSet, FilterSets } from './filter-sets.ts';

/** The connection of one subscriber. */
export interface Outlet {
  /** False when the connection takes no more for now: the subscription goes on with `pump`. */
  send(entry: AlertEntry, passage: Passage): boolean;
  /** From now on what the set is told goes to this connection, in the turn in which it happens. */
  join(set: FilterSet): void;
  leave(set: FilterSet): void;
  onSubscribed(at: Cursor): void;
  /** Everything up to here has been sent. */
  onLive(at: Cursor): void;
  onGap(reason: GapReason, at: Cursor): void;
  /** The subscriber may know more than this process, which does not hear Redis: another one may serve it. */
  onBehind(): void;
}

/** The stream as far as a subscription needs it. */
export interface SubscribedStream {
  readonly window: AlertWindow;
  /** Whether it succeeded. */
  refresh(): Promise<boolean>;
}

export type SubscriptionMetrics = Pick<BroadcasterMetrics, 'resumes' | 'gaps'>;

/** Entries of the window that one look goes through: others are waiting, too. */
const ENTRIES_PER_TURN = 2000;

interface Range {
  /** Everything up to here has been dealt with. */
  after: Cursor;
  /** The last one to deal with; undefined for as long as there are more, and then live. */
  readonly until: Cursor | undefined;
}

/**
 * What one subscriber is told: every entry behind a place in the stream that its filters let through, each once.
 *
 *   waiting ── begin, resume ──▶ catching up ── nothing left in the window ──▶ live
 *                                     ▲  what was missed, from the window         │ native fan-out
 *                                     └────────── fall back, reset ───────────────┘
 *
 * Going live happens in the turn that finds nothing left, so that no entry is between the two or in both.
 */
export class Subscription {
  readonly #stream: SubscribedStream;
  readonly #sets: FilterSets;
  readonly #outlet: Outlet;
  readonly #metrics: SubscriptionMetrics;
  /** Where the stream was when the subscriber came. */
  #from: Cursor;
  #window: AlertWindow;
  #set: FilterSet | undefined;
  /** What is to be sent from the window, in this order. */
  #ranges: Range[] = [];
  #hasBegun = false;
  #isLive = false;
  #isClosed = false;
  #resuming = 0;
  /** What was asked for last, also while its place is not clear yet. */
  #wanted: AlertFilters = DEFAULT_FILTERS;
  #turn: NodeJS.Immediate | undefined;

  constructor(stream: SubscribedStream, sets: FilterSets, outlet: Outlet, metrics: SubscriptionMetrics) {
    this.#stream = stream;
    this.#sets = sets;
    this.#outlet = outlet;
    this.#metrics = metrics;
    this.#window = stream.window;
    this.#from = stream.window.end;
  }

  /** Whether nothing has been asked for yet. */
  get isWaiting(): boolean {
    return this.#set === undefined && this.#resuming === 0 && !this.#isClosed;
  }

  /** Whether everything up to the end of the stream has been sent. */
  get isLive(): boolean {
    return this.#isLive && this.#ranges.length === 0;
  }

  /** Where a subscriber begins that resumes nothing. */
  get from(): Cursor {
    return this.#from;
  }

  /** Sets the filters in place of those before. With a place, what came behind it is sent first. */
  async subscribe(filters: AlertFilters, resume?: Place): Promise<void> {
    if (resume === undefined) {
      this.#setFilters(filters);
      this.#outlet.onSubscribed(this.#hasBegun ? this.#standing : this.#from);
      this.#begin();
      return;
    }
    this.#wanted = filters;
    if (this.#set !== undefined) this.#setFilters(filters);
    await this.#resumeAt(resume);
  }

  /** With the filters that there are, or everything that is actual. */
  async resume(place: Place): Promise<void> {
    await this.#resumeAt(place);
  }

  /** Sends on what is left to be sent. */
  pump(): void {
    if (this.#isClosed || this.#set === undefined) return;
    for (let count = 0; count < ENTRIES_PER_TURN; count += 1) {
      const [range] = this.#ranges;
      if (range === undefined) return;
      const { floor } = this.#window;
      if (compareCursors(range.after, floor) < 0) {
        range.after = floor;
        this.#tellGap('too-old', floor);
      }
      const entry = this.#window.after(range.after);
      if (entry === undefined || isBehind(entry, range)) {
        this.#ranges.shift();
        if (this.#ranges.length === 0) this.#goLive(this.#set);
        continue;
      }
      range.after = entry.at;
      const passage = decidePassage(this.#set.filters, entry.before, entry.facts, entry.facts.isEnd);
      if (passage !== undefined && !this.#outlet.send(entry, passage)) return;
    }
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.pump();
    });
  }

  /** A live connection takes no more: what comes behind this entry is sent when it does. */
  fallBehind({ at }: AlertEntry): void {
    if (!this.#isLive || this.#set === undefined) return;
    this.#isLive = false;
    this.#outlet.leave(this.#set);
    this.#ranges.push({ after: at, until: undefined });
  }

  /** The stream is another one. */
  reset(): void {
    this.#window = this.#stream.window;
    this.#from = this.#window.end;
    if (this.#set === undefined) return;
    this.#tellGap('log-lost', this.#from);
    this.#ranges = this.#isLive ? [] : [{ after: this.#from, until: undefined }];
    this.pump();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearImmediate(this.#turn);
    if (this.#set === undefined) return;
    if (this.#isLive) this.#outlet.leave(this.#set);
    this.#sets.release(this.#set);
  }

  #tellGap(reason: GapReason, at: Cursor): void {
    this.#metrics.gaps.inc({ reason });
    this.#outlet.onGap(reason, at);
  }

  /** Does nothing for one that has begun. */
  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#ranges.push({ after: this.#from, until: undefined });
    this.pump();
  }

  async #resumeAt({ epoch, cursor: text }: Place): Promise<void> {
    const cursor = parseCursor(text);
    this.#resuming += 1;
    let isKnown = true;
    // Another process, which the subscriber comes from, may have heard more.
    if (cursor === undefined || epoch !== this.#window.epoch || compareCursors(cursor, this.#window.end) > 0) {
      isKnown = await this.#stream.refresh();
    }
    this.#resuming -= 1;
    if (this.#isClosed) return;
    if (!isKnown) {
      this.#outlet.onBehind();
      return;
    }
    if (this.#set === undefined) this.#setFilters(this.#wanted);
    const reason = cursor === undefined ? 'other-epoch' : this.#whyGap(epoch, cursor);
    this.#metrics.resumes.inc({ outcome: reason ?? 'complete' });
    if (cursor === undefined || reason !== undefined) {
      const at = this.#hasBegun ? this.#standing : this.#from;
      this.#outlet.onSubscribed(at);
      if (reason !== undefined) this.#tellGap(reason, at);
    } else {
      this.#outlet.onSubscribed(cursor);
      this.#startFrom(cursor);
    }
    if (this.#hasBegun) this.pump();
    else this.#begin();
  }

  /** Up to where everything has been dealt with. */
  get #standing(): Cursor {
    return this.#ranges[0]?.after ?? this.#window.end;
  }

  /** Of a subscription that has begun already, what lies before its beginning comes first, and then what it has not been told. */
  #startFrom(cursor: Cursor): void {
    if (compareCursors(cursor, this.#from) >= 0 && this.#hasBegun) return;
    if (this.#isLive && this.#set !== undefined) {
      this.#isLive = false;
      this.#outlet.leave(this.#set);
      this.#ranges.push({ after: this.#window.end, until: undefined });
    }
    if (this.#hasBegun) this.#ranges.unshift({ after: cursor, until: this.#from });
    this.#from = cursor;
  }

  #whyGap(epoch: string, cursor: Cursor): GapReason | undefined {
    if (epoch !== this.#window.epoch) return 'other-epoch';
    if (compareCursors(cursor, this.#window.end) > 0) return 'beyond-end';
    return compareCursors(cursor, this.#window.floor) < 0 ? 'too-old' : undefined;
  }

  #goLive(set: FilterSet): void {
    if (!this.#isLive) this.#outlet.join(set);
    this.#isLive = true;
    this.#outlet.onLive(this.#window.end);
  }

  #setFilters(filters: AlertFilters): void {
    const before = this.#set;
    const set = this.#sets.acquire(filters);
    this.#set = set;
    if (before === undefined) return;
    if (this.#isLive && before !== set) {
      this.#outlet.leave(before);
      this.#outlet.join(set);
    }
    this.#sets.release(before);
  }
}

function isBehind(entry: AlertEntry, { until }: Range): boolean {
  return until !== undefined && compareCursors(entry.at, until) > 0;
}
