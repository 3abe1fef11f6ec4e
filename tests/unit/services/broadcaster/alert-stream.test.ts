import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { AlertRecord } from '../../../../contracts/alert-record.ts';
import type { Transition } from '../../../../contracts/alert-transition.ts';
import { compareCursors, type Cursor } from '../../../../contracts/cursor.ts';
import { createLogger } from '../../../../platform/log/logger.ts';
import type { RedisConnection } from '../../../../platform/redis/open-redis.ts';
import { createBroadcasterMetrics } from '../../../../services/broadcaster/metrics.ts';
import type { AlertEntry } from '../../../../services/broadcaster/stream/alert-entry.ts';
import { AlertStream } from '../../../../services/broadcaster/stream/alert-stream.ts';
import type { RawEntry, StreamEnd } from '../../../../services/broadcaster/stream/stream-reader.ts';
import { transitionRequest } from '../../../support/alert-requests.ts';

/** A stream in memory to which something is appended while it is read. */
class BusyStream {
  entries: RawEntry[] = [];
  #added = 0;
  readonly #records = new Map<string, Transition>();
  /** Called after the end was read, once. */
  meanwhile: (() => void) | undefined;

  append(changes: Partial<Transition>): void {
    const { transition } = transitionRequest('raised', 0, { status: 'Actual' });
    const complete: Transition = { ...transition, alert_id: 'life', version: 1, decided_us: 1, ...changes };
    this.#added += 1;
    this.entries.push({ at: { ms: this.#added, seq: 0 }, json: JSON.stringify(complete) });
    this.#records.set(`${complete.rule}|${complete.subject}`, complete);
  }

  end(): Promise<StreamEnd> {
    const { length } = this.entries;
    const added = this.#added;
    const end = { ms: added, seq: 0 };
    this.meanwhile?.();
    this.meanwhile = undefined;
    return Promise.resolve({ epoch: 'e', end, added, length });
  }

  after(cursor: Cursor): Promise<readonly RawEntry[]> {
    return Promise.resolve(this.entries.filter(({ at }) => compareCursors(at, cursor) > 0));
  }

  last(count: number): Promise<readonly RawEntry[]> {
    return Promise.resolve(this.entries.slice(-count));
  }

  records(): Promise<readonly AlertRecord[]> {
    return Promise.resolve([...this.#records.values()].map((transition) => ({ transition, earlier: [] })));
  }
}

/** What the connection that subscribes has to do here. */
class Subscriber extends EventEmitter {
  readonly status = 'ready';
  readonly options = {};
  subscribe = (): Promise<number> => Promise.resolve(1);
  ping = (): Promise<string> => Promise.resolve('PONG');
}

async function open(reader: BusyStream, count: number): Promise<{ stream: AlertStream; told: readonly AlertEntry[] }> {
  const told: AlertEntry[] = [];
  const stream = new AlertStream({
    subscriber: new Subscriber() as unknown as RedisConnection,
    reader,
    window: { count, ageMs: Infinity },
    onEntry: (entry) => told.push(entry),
    onReset: () => undefined,
    metrics: createBroadcasterMetrics(new Registry()),
    log: createLogger('test', 'silent'),
  });
  await stream.start();
  await stream.refresh();
  stream.close();
  return { stream, told };
}

test('a window that does not have all that ever was says so, whatever came or was trimmed while it was loaded', async () => {
  for (let before = 0; before <= 14; before += 1) {
    for (let meanwhile = 0; meanwhile <= 3; meanwhile += 1) {
      for (let trimmed = 0; trimmed <= 2; trimmed += 1) {
        const reader = new BusyStream();
        let subjects = 0;
        const append = (): void => reader.append({ subject: `dev-${(subjects += 1)}`, alert_id: `life-${subjects}` });
        for (let count = 0; count < before; count += 1) append();
        const all = [...reader.entries];
        reader.meanwhile = () => {
          for (let count = 0; count < meanwhile; count += 1) append();
          all.push(...reader.entries.slice(all.length));
          reader.entries = reader.entries.slice(trimmed);
        };
        const { stream } = await open(reader, 10);
        const { window } = stream;
        const known: number[] = [];
        let entry = window.after(window.floor);
        for (; entry !== undefined; entry = window.after(entry.at)) known.push(entry.at.ms);
        const behind = all.map(({ at }) => at.ms).filter((ms) => ms > window.floor.ms);
        assert.deepEqual(known, behind, `${before} before, ${meanwhile} meanwhile, ${trimmed} trimmed`);
      }
    }
  }
});

test('what comes while the stream is loaded is told with what its alert was before', async () => {
  const reader = new BusyStream();
  reader.append({ severity: 'Severe' });
  reader.meanwhile = () => reader.append({ kind: 'updated', version: 2, severity: 'Minor' });
  const { stream, told } = await open(reader, 10);
  assert.equal(told.length, 1);
  assert.equal(told[0]?.before?.severity, 'Severe');
  assert.equal(stream.active.size, 1);
});

test('an alert that ends while the stream is loaded is not active', async () => {
  const reader = new BusyStream();
  reader.append({});
  reader.meanwhile = () => reader.append({ kind: 'cleared', version: 2 });
  const { stream } = await open(reader, 1);
  assert.equal(stream.active.size, 0);
});
