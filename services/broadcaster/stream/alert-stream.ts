import { parseTransition, publishedTransitionSchema, type Transition } from '../../../contracts/alert-transition.ts';
import { compareCursors, FIRST_CURSOR, parseCursor, type Cursor } from '../../../contracts/cursor.ts';
import { redisChannels } from '../../../contracts/redis-keys.ts';
import { StartupError } from '../../../platform/lifecycle/startup-error.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import { keepSubscribed } from '../../../platform/redis/keep-subscribed.ts';
import type { RedisConnection } from '../../../platform/redis/open-redis.ts';
import type { BroadcasterMetrics } from '../metrics.ts';
import { ActiveAlerts } from './active-alerts.ts';
import { AlertEntry, factsOf } from './alert-entry.ts';
import { AlertWindow, type WindowLimits } from './alert-window.ts';
import type { RawEntry, StreamEnd, StreamReader } from './stream-reader.ts';

const BEAT_EVERY_MS = 1000;
/** Three beats without an answer. */
const SILENT_AFTER_MS = 3000;
const PUBLISHED_HEAD = /^\{"type":"alert","cursor":"[0-9-]+",(?:"previous":"[0-9-]+",)?/;
const NOTHING: Cursor = { ms: 0, seq: 0 };

export interface AlertStreamOptions {
  /** A connection of its own: one that subscribes can do nothing else. */
  readonly subscriber: RedisConnection;
  readonly reader: Pick<StreamReader, 'end' | 'after' | 'last' | 'records'>;
  readonly window: WindowLimits;
  readonly onEntry: (entry: AlertEntry) => void;
  /** The stream is another one: what was told of it may never have been. */
  readonly onReset: () => void;
  readonly metrics: BroadcasterMetrics;
  readonly log: Logger;
}

/**
 * The transitions in the order of their stream, each once. What is published brings them without delay; where that does not
 * join to what came before, and once a second to be sure, the stream itself is asked.
 */
export class AlertStream {
  readonly #options: AlertStreamOptions;
  #window: AlertWindow;
  #active = new ActiveAlerts();
  #answeredAtMs = -Infinity;
  #caughtUpAtMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: ((hasSeen: boolean) => void)[] = [];
  #isLooking = false;
  /** Entries that there ever were in the stream, up to the end of the window. */
  #taken = 0;

  constructor(options: AlertStreamOptions) {
    this.#options = options;
    this.#window = new AlertWindow('', options.window, NOTHING, NOTHING);
  }

  get window(): AlertWindow {
    return this.#window;
  }

  get active(): ActiveAlerts {
    return this.#active;
  }

  /** Whether it hears what is decided: a network that has parted leaves a connection open. */
  get alive(): boolean {
    const since = performance.now() - SILENT_AFTER_MS;
    return this.#options.subscriber.status === 'ready' && this.#answeredAtMs > since && this.#caughtUpAtMs > since;
  }

  /** Returns when it knows the stream. */
  async start(): Promise<void> {
    const { subscriber, log } = this.#options;
    subscriber.on('message', (_channel, message) => this.#receive(message));
    await keepSubscribed(subscriber, redisChannels.alerts, log, () => void this.refresh());
    this.#answeredAtMs = performance.now();
    await this.refresh();
    if (this.#window.epoch === '') throw new StartupError('The alerts cannot be read. Check the Redis of REDIS_URL.');
    this.#timer = setInterval(() => void this.#beat(), BEAT_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * Asks the stream for what is not known yet. Resolves after a look that began after this call, with false when Redis did not
   * answer.
   */
  async refresh(): Promise<boolean> {
    return await new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isLooking) void this.#lookForAll();
    });
  }

  async #beat(): Promise<void> {
    this.#window.dropOlderThan(Date.now());
    void this.refresh();
    try {
      await this.#options.subscriber.ping();
      this.#answeredAtMs = performance.now();
    } catch (error) {
      this.#options.log.debug({ err: error }, 'Redis did not answer a ping');
    }
  }

  /** One look at a time: what is counted in it must not be counted twice. */
  async #lookForAll(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting.splice(0);
      const hasSeen = await this.#look();
      for (const resolve of waiting) resolve(hasSeen);
    }
    this.#isLooking = false;
  }

  async #look(): Promise<boolean> {
    try {
      await this.#catchUp();
      return true;
    } catch (error) {
      // The next beat tries again.
      this.#options.log.debug({ err: error }, 'the stream of alerts cannot be read');
      return false;
    }
  }

  async #catchUp(): Promise<void> {
    const { reader, metrics } = this.#options;
    const known = this.#window;
    const stream = await reader.end({ epoch: known.epoch, end: known.end });
    if (stream.epoch !== known.epoch) {
      await this.#load(stream);
    } else {
      while (compareCursors(this.#window.end, stream.end) < 0) {
        const page = (await reader.after(this.#window.end)).filter(({ at }) => compareCursors(at, stream.end) <= 0);
        for (const entry of page) this.#take(entry);
        metrics.caughtUp.inc(page.length);
        if (page.length === 0) break;
      }
      // What was there and was not read is lost: Redis came back without it, or it was trimmed meanwhile.
      if (this.#taken !== stream.added) await this.#load(await reader.end(known, true));
    }
    this.#caughtUpAtMs = performance.now();
  }

  /** The stream from its beginning, as far as it is kept. */
  async #load({ epoch, end, added, length }: StreamEnd): Promise<void> {
    const { reader, window: limits, onReset, log } = this.#options;
    // What comes after the reading of the end is caught up with.
    const raw = (await reader.last(limits.count + 1)).filter(({ at }) => compareCursors(at, end) <= 0);
    const records = await reader.records();
    // A record may be that of a transition behind the end, which would stand before itself.
    const changedSince = await this.#fieldsAfter(end);
    // What was there may have been pushed out by what came meanwhile, or trimmed.
    const isAll = added === length && raw.length === length;
    const first = raw[0]?.at;
    const isFirst = this.#window.epoch === '';
    const window = new AlertWindow(epoch, limits, isAll ? NOTHING : (first ?? end), end);
    const active = new ActiveAlerts();
    for (const entry of isAll ? raw : raw.slice(1)) {
      const read = readEntry(window, active, entry);
      if (read === undefined) continue;
      window.append(read);
      active.apply(read.facts, read.body);
    }
    window.passOver(end);
    window.dropOlderThan(Date.now());
    for (const { transition } of records) {
      const facts = factsOf(transition);
      if (!changedSince.has(facts.field)) active.apply(facts, JSON.stringify(transition));
    }
    this.#window = window;
    this.#active = active;
    this.#taken = added;
    if (isFirst) return;
    log.warn({ epoch }, 'the stream of alerts is another one: Redis has lost what it had');
    onReset();
  }

  /** Of the alerts that have transitions behind the cursor. */
  async #fieldsAfter(cursor: Cursor): Promise<ReadonlySet<string>> {
    const fields = new Set<string>();
    let at: Cursor | undefined = cursor;
    while (at !== undefined) {
      const page: readonly RawEntry[] = await this.#options.reader.after(at);
      for (const { json } of page) {
        const transition = parseTransition(json ?? '');
        if (transition !== undefined) fields.add(factsOf(transition).field);
      }
      at = page.at(-1)?.at;
    }
    return fields;
  }

  #receive(message: string): void {
    const { metrics, log } = this.#options;
    const published = parsePublished(message);
    const at = parseCursor(published?.cursor ?? '');
    if (published === undefined || at === undefined) {
      metrics.foreignMessages.inc();
      log.warn({ length: message.length }, 'a message on the alert channel is no transition; nobody gets it');
      return;
    }
    const { end } = this.#window;
    if (compareCursors(at, end) <= 0) return;
    const previous = parseCursor(published.previous ?? FIRST_CURSOR);
    const joins = previous !== undefined && compareCursors(previous, end) === 0;
    if (!joins || this.#isLooking) {
      if (this.#waiting.length === 0) void this.refresh();
      return;
    }
    this.#take({ at, json: message.replace(PUBLISHED_HEAD, '{') });
  }

  #take(raw: RawEntry): void {
    if (compareCursors(raw.at, this.#window.end) <= 0) return;
    this.#taken += 1;
    const entry = readEntry(this.#window, this.#active, raw);
    if (entry === undefined) {
      this.#options.metrics.foreignMessages.inc();
      this.#options.log.warn({ cursor: `${raw.at.ms}-${raw.at.seq}` }, 'an entry of the stream is no transition');
      this.#window.passOver(raw.at);
      return;
    }
    this.#window.append(entry);
    this.#active.apply(entry.facts, entry.body);
    this.#options.onEntry(entry);
  }
}

function readEntry(window: AlertWindow, active: ActiveAlerts, { at, json }: RawEntry): AlertEntry | undefined {
  const transition = json === undefined ? undefined : parseTransition(json);
  if (json === undefined || transition === undefined) return undefined;
  const facts = factsOf(transition);
  return new AlertEntry(window.epoch, at, facts, active.before(facts), json);
}

function parsePublished(
  message: string,
): (Transition & { readonly cursor: string; readonly previous?: string | undefined }) | undefined {
  try {
    return publishedTransitionSchema.safeParse(JSON.parse(message)).data;
  } catch {
    return undefined;
  }
}
