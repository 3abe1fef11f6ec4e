import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import type { GapReason } from '../../../../contracts/alert-stream.ts';
import type { Cursor } from '../../../../contracts/cursor.ts';
import { alertFiltersSchema, DEFAULT_FILTERS, letsThrough } from '../../../../core/alerts/alert-filter.ts';
import { FilterSets, type FilterSet } from '../../../../services/broadcaster/delivery/filter-sets.ts';
import { Subscription, type Outlet } from '../../../../services/broadcaster/delivery/subscription.ts';
import { createBroadcasterMetrics } from '../../../../services/broadcaster/metrics.ts';
import type { AlertEntry } from '../../../../services/broadcaster/stream/alert-entry.ts';
import { EntryStream } from '../../../support/stream-entries.ts';

/** A connection that takes so many entries and then no more, until it is drained. */
class FakeOutlet implements Outlet {
  readonly got: AlertEntry[] = [];
  readonly told: string[] = [];
  readonly joined = new Set<FilterSet>();
  room = Infinity;

  send(entry: AlertEntry): boolean {
    this.got.push(entry);
    this.room -= 1;
    return this.room > 0;
  }

  join(set: FilterSet): void {
    assert.equal(this.joined.size, 0, 'a connection has one set');
    this.joined.add(set);
  }

  leave(set: FilterSet): void {
    assert.ok(this.joined.delete(set));
  }

  onSubscribed(at: Cursor): void {
    this.told.push(`subscribed ${at.ms}`);
  }

  onLive(at: Cursor): void {
    this.told.push(`live ${at.ms}`);
  }

  onGap(reason: GapReason, at: Cursor): void {
    this.told.push(`gap ${reason} ${at.ms}`);
  }

  onBehind(): void {
    this.told.push('behind');
  }

  get places(): readonly number[] {
    return this.got.map(({ at }) => at.ms);
  }
}

class World {
  readonly stream: EntryStream;
  readonly sets = new FilterSets();
  readonly outlet = new FakeOutlet();
  readonly subscription: Subscription;

  constructor(before = 0, count?: number) {
    this.stream = new EntryStream(count);
    for (let index = 0; index < before; index += 1) this.append();
    this.subscription = new Subscription(this.stream, this.sets, this.outlet, createBroadcasterMetrics(new Registry()));
  }

  /** As it happens: those who are live get it at once. */
  append(severity: 'Severe' | 'Minor' = 'Severe'): void {
    const entry = this.stream.append({ subject: `dev-${this.stream.all.length}`, severity });
    for (const [set] of this.sets.concerned(entry)) if (this.outlet.joined.has(set)) this.outlet.got.push(entry);
  }

  place(ms: number, epoch = 'epoch-1'): { epoch: string; cursor: string } {
    return { epoch, cursor: `${ms}-0` };
  }
}

const SEVERE = alertFiltersSchema.parse([{ min_severity: 'Severe' }]);

test('a subscriber begins where the stream was when it came, whenever it says what it wants', async () => {
  const world = new World(3);
  world.append();
  await world.subscription.subscribe(DEFAULT_FILTERS);
  world.append();
  assert.deepEqual(world.outlet.places, [4, 5]);
  assert.deepEqual(world.outlet.told, ['subscribed 3', 'live 4']);
});

test('a subscriber that resumes gets what it missed before what happens', async () => {
  const world = new World(5);
  await world.subscription.subscribe(DEFAULT_FILTERS, world.place(2));
  world.append();
  assert.deepEqual(world.outlet.places, [3, 4, 5, 6]);
  assert.deepEqual(world.outlet.told, ['subscribed 2', 'live 5']);
});

test('one that resumes after it has subscribed gets the rest as well, and nothing twice', async () => {
  const world = new World(5);
  await world.subscription.subscribe(DEFAULT_FILTERS);
  world.append();
  await world.subscription.resume(world.place(3));
  await world.subscription.resume(world.place(4));
  await world.subscription.resume(world.place(1));
  world.append();
  assert.deepEqual(world.outlet.places, [6, 4, 5, 2, 3, 7]);
});

for (const [what, resume, reason] of [
  ['of another epoch', { epoch: 'another', cursor: '4-0' }, 'other-epoch'],
  ['behind the end', { epoch: 'epoch-1', cursor: '9-0' }, 'beyond-end'],
  ['that is too old', { epoch: 'epoch-1', cursor: '1-0' }, 'too-old'],
] as const) {
  test(`a place ${what} is a gap, and the subscriber goes on from where it came`, async () => {
    const world = new World(8, 4);
    world.append();
    await world.subscription.subscribe(DEFAULT_FILTERS, resume.cursor === '9-0' ? world.place(10) : resume);
    world.append();
    assert.deepEqual(world.outlet.places, [9, 10]);
    assert.deepEqual(world.outlet.told, ['subscribed 8', `gap ${reason} 8`, 'live 9']);
  });
}

test('a resume that cannot be done leaves a subscriber that is live where it is', async () => {
  const world = new World(3);
  await world.subscription.subscribe(DEFAULT_FILTERS);
  for (let count = 0; count < 5; count += 1) world.append();
  await world.subscription.resume(world.place(4, 'another'));
  await world.subscription.subscribe(DEFAULT_FILTERS, world.place(99));
  assert.deepEqual(world.outlet.told.slice(2), [
    'subscribed 8',
    'gap other-epoch 8',
    'subscribed 8',
    'gap beyond-end 8',
  ]);
  world.append();
  assert.deepEqual(world.outlet.places, [4, 5, 6, 7, 8, 9]);
});

test('while a late resume is sent nothing new comes in between, so that the last message is the place', async () => {
  const world = new World(8);
  await world.subscription.subscribe(DEFAULT_FILTERS);
  world.append();
  world.outlet.room = 2;
  await world.subscription.resume(world.place(2));
  world.append();
  assert.deepEqual(world.outlet.places, [9, 3, 4]);
  assert.equal(world.outlet.joined.size, 0, 'a heartbeat would move the place');
  world.outlet.room = Infinity;
  world.subscription.pump();
  assert.deepEqual(world.outlet.places, [9, 3, 4, 5, 6, 7, 8, 10]);
  assert.equal(world.outlet.told.at(-1), 'live 10');
  world.append();
  assert.deepEqual(world.outlet.places.slice(-1), [11]);
});

test('a process that does not hear Redis knows no place behind its end, and says that another one may', async () => {
  const world = new World(3);
  world.stream.isHeard = false;
  await world.subscription.subscribe(DEFAULT_FILTERS, world.place(5));
  assert.deepEqual(world.outlet.told, ['behind']);
  assert.deepEqual(world.outlet.places, []);
});

test('of two subscriptions that wait for their place the later filters count', async () => {
  const world = new World(3);
  const both = [
    world.subscription.subscribe(DEFAULT_FILTERS, world.place(9)),
    world.subscription.subscribe(SEVERE, world.place(9)),
  ];
  await Promise.all(both);
  world.append('Minor');
  world.append('Severe');
  assert.deepEqual(world.outlet.places, [5]);
});

test('the last place of which everything behind it is kept is none too old', async () => {
  const world = new World(8, 4);
  await world.subscription.subscribe(DEFAULT_FILTERS, world.place(4));
  assert.deepEqual(world.outlet.places, [5, 6, 7, 8]);
});

test('who takes so slowly that the window goes on without it is told of the gap', async () => {
  const world = new World(4, 4);
  world.outlet.room = 2;
  await world.subscription.subscribe(DEFAULT_FILTERS, world.place(0));
  for (let index = 0; index < 4; index += 1) world.append();
  world.outlet.room = Infinity;
  world.subscription.pump();
  assert.deepEqual(world.outlet.places, [1, 2, 5, 6, 7, 8]);
  assert.deepEqual(world.outlet.told, ['subscribed 0', 'gap too-old 4', 'live 8']);
});

test('a stream that is another one is a gap for everybody, and what happens comes after it', async () => {
  const world = new World(3);
  await world.subscription.subscribe(DEFAULT_FILTERS);
  world.stream.lose();
  world.subscription.reset();
  world.append();
  assert.deepEqual(world.outlet.told, ['subscribed 3', 'live 3', 'gap log-lost 0']);
  assert.deepEqual(world.outlet.places, [4]);
});

test('new filters hold from then on', async () => {
  const world = new World();
  await world.subscription.subscribe(SEVERE);
  world.append('Minor');
  world.append('Severe');
  await world.subscription.subscribe(DEFAULT_FILTERS);
  world.append('Minor');
  assert.deepEqual(world.outlet.places, [2, 3]);
  world.subscription.close();
  assert.equal(world.sets.size, 0);
});

test('a window that is gone through in several turns leaves room for others and loses nothing', async () => {
  const world = new World(9000, 10_000);
  await world.subscription.subscribe(DEFAULT_FILTERS, world.place(0));
  assert.ok(world.outlet.got.length < 9000);
  world.append();
  while (!world.subscription.isLive) await turn();
  assert.deepEqual(
    world.outlet.places,
    Array.from({ length: 9001 }, (_, index) => index + 1),
  );
});

test('whatever happens in whatever order, everything behind the earliest place comes once, and nothing else', async () => {
  const step = fc.oneof(
    fc.constant({ what: 'severe' as const }),
    fc.constant({ what: 'minor' as const }),
    fc.record({ what: fc.constant('resume' as const), at: fc.nat(12) }),
    fc.record({ what: fc.constant('subscribe' as const), at: fc.option(fc.nat(12)) }),
    fc.record({ what: fc.constant('drain' as const), room: fc.integer({ min: 1, max: 3 }) }),
    fc.constant({ what: 'behind' as const }),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(6), fc.array(step, { maxLength: 30 }), async (before, steps) => {
      const world = new World(before);
      let from = before;
      for (const each of steps) {
        const { length } = world.stream.all;
        if (each.what === 'severe') world.append('Severe');
        if (each.what === 'minor') world.append('Minor');
        if (each.what === 'resume' || (each.what === 'subscribe' && each.at !== null)) {
          const at = each.at ?? 0;
          // The first one to say where it stands is believed, also when that is behind where it came.
          const isFirst = world.subscription.isWaiting;
          if (at <= length) from = isFirst ? at : Math.min(from, at);
          if (each.what === 'resume') {
            if (isFirst) await world.subscription.subscribe(SEVERE, world.place(at));
            else await world.subscription.resume(world.place(at));
          } else await world.subscription.subscribe(SEVERE, world.place(at));
        } else if (each.what === 'subscribe') {
          await world.subscription.subscribe(SEVERE);
        }
        if (each.what === 'drain') {
          world.outlet.room = each.room;
          world.subscription.pump();
        }
        const last = world.outlet.got.at(-1);
        if (each.what === 'behind' && last !== undefined && last === world.stream.all.at(-1)) {
          world.subscription.fallBehind(last);
        }
      }
      await world.subscription.subscribe(SEVERE);
      world.outlet.room = Infinity;
      world.subscription.pump();
      const expected = world.stream.all
        .filter(({ at, facts }) => at.ms > from && letsThrough(SEVERE, facts))
        .map(({ at }) => at.ms);
      assert.deepEqual(
        [...world.outlet.places].sort((a, b) => a - b),
        expected,
      );
      assert.ok(world.subscription.isLive);
    }),
    { numRuns: 2000 },
  );
});
