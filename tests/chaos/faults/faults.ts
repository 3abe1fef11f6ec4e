import { setTimeout as delay } from 'node:timers/promises';
import { ADMITTED_PACK_FIELD } from '../../../contracts/admitted-pack.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { MemberName } from '../stack/chaos-stack.ts';
import { WAYS } from '../stack/chaos-stack.ts';
import { countBacklog } from '../audit/backlog.ts';
import type { Fault } from './fault.ts';

const KILLED: readonly MemberName[] = ['ingest', 'worker', 'broadcaster', 'redis', 'postgres', 'mosquitto'];

/** SIGKILL: nothing is said or written any more; it stays away for a while. */
const kills: readonly Fault[] = KILLED.map((name) => ({
  name: `kill-${name}`,
  touches: [name],
  inject: async ({ stack, durations }) => {
    await stack.member(name).kill9();
    await delay(durations.deadMs);
    await stack.member(name).start();
    return undefined;
  },
}));

/** SIGSTOP: its connections stay open, it does not answer, and afterwards it goes on where it was. */
const freezes: readonly Fault[] = KILLED.map((name) => ({
  name: `freeze-${name}`,
  touches: [name],
  inject: async ({ stack, durations }) => {
    await stack.member(name).freeze();
    await delay(durations.frozenMs);
    stack.member(name).resume();
    return undefined;
  },
}));

const killEveryWorker: Fault = {
  name: 'kill-every-worker',
  touches: ['worker', 'worker-2'],
  inject: async ({ stack, durations }) => {
    const both = [stack.member('worker'), stack.member('worker-2')];
    await Promise.all(both.map((worker) => worker.kill9()));
    await delay(durations.deadMs);
    await Promise.all(both.map((worker) => worker.start()));
    return undefined;
  },
};

/** A worker that is started anew meanwhile has to detect all the same. */
const postgresAway: Fault = {
  name: 'postgres-away',
  touches: ['postgres', 'worker'],
  inject: async ({ stack, durations }) => {
    await stack.member('postgres').stop('SIGINT');
    await delay(durations.postgresAwayMs / 3);
    await stack.member('worker').kill9();
    // It is not ready without its database, and works.
    const started = stack.member('worker').start();
    await delay((durations.postgresAwayMs * 2) / 3);
    await stack.member('postgres').start();
    await started;
    return undefined;
  },
};

const redisAway: Fault = {
  name: 'redis-away',
  touches: ['redis'],
  inject: async ({ stack, durations }) => {
    await stack.member('redis').stop();
    await delay(durations.redisAwayMs);
    await stack.member('redis').start();
    return undefined;
  },
};

/** Of PostgreSQL. What it does then, with a full disk under its log, is to give up and recover. */
const diskFull: Fault = {
  name: 'postgres-disk-full',
  touches: ['postgres'],
  impossible: ({ stack }) =>
    stack.database.disk === undefined
      ? 'a small disk can be mounted by root only, and not in every container'
      : undefined,
  inject: async ({ stack, durations }) => {
    const { disk } = stack.database;
    if (disk === undefined) throw new Error('the disk is shared with others');
    const untilMs = performance.now() + durations.diskFullMs;
    let felt = false;
    while (performance.now() < untilMs) {
      await disk.fill();
      felt ||= await disk.isFelt();
      await delay(200);
    }
    await disk.free();
    await delay(1000);
    if (!stack.member('postgres').runs) await stack.member('postgres').start();
    return felt ? undefined : { problems: ['PostgreSQL took everything: its disk was not full'] };
  },
};

/** Every connection between the parts and of the devices, again and again. */
const connectionResets: Fault = {
  name: 'connection-resets',
  touches: ['ingest', 'worker', 'worker-2', 'redis', 'postgres', 'mosquitto'],
  inject: async ({ stack, durations, random }) => {
    const untilMs = performance.now() + durations.disturbedMs;
    while (performance.now() < untilMs) {
      const way = WAYS[Math.floor(random() * WAYS.length)] ?? 'redis';
      stack.drop(way);
      await delay(100 + random() * 400);
    }
    return undefined;
  },
};

const impatientClients: Fault = {
  name: 'impatient-clients',
  touches: ['devices'],
  inject: async ({ load, durations }) => {
    load.impatient = true;
    await delay(durations.disturbedMs);
    load.impatient = false;
    return undefined;
  },
};

/** Both stand still in turns, for about as long as a lease lasts, so that shards go to and fro. */
const rivalWorkers: Fault = {
  name: 'rival-workers',
  touches: ['worker', 'worker-2'],
  inject: async ({ stack, durations, random }) => {
    const untilMs = performance.now() + 2 * durations.disturbedMs;
    for (let turn = 0; performance.now() < untilMs; turn += 1) {
      const worker = stack.member(turn % 2 === 0 ? 'worker' : 'worker-2');
      await worker.freeze();
      await delay(2500 + random() * 2000);
      worker.resume();
      await delay(random() * 500);
    }
    return undefined;
  },
};

const clockJump: Fault = {
  name: 'clock-jump',
  touches: ['devices'],
  inject: async ({ load, durations }) => {
    for (const ms of [600_000, 0, -600_000, 0]) {
      load.jumpClocks(6, ms);
      await delay(durations.disturbedMs / 4);
    }
    // What a device measured by a clock that is far ahead lies in the future of the envelope that it signs again.
    return { rejections: ['schema-invalid'] };
  },
};

/** Nobody stores, until devices are told to come back later. */
const backlogFull: Fault = {
  name: 'backlog-full',
  touches: ['ingest', 'worker', 'worker-2'],
  inject: async ({ stack, durations, shardCount }) => {
    stack.setIngest({ TELLTALE_INGEST_MAX_BACKLOG: '20' });
    await stack.member('ingest').stop();
    await stack.member('ingest').start();
    const workers = [stack.member('worker'), stack.member('worker-2')];
    for (const worker of workers) await worker.freeze();
    const count = () => stack.withRedis((redis) => countBacklog(redis, shardCount));
    for (let [before, now] = [-1, await count()]; now > before; [before, now] = [now, await count()]) await delay(1000);
    await delay(durations.deadMs);
    for (const worker of workers) worker.resume();
    stack.setIngest({});
    await stack.member('ingest').stop();
    await stack.member('ingest').start();
    return undefined;
  },
};

/** What no worker can read, and what no database takes (NUL in a text), in the middle of what is good. */
const POISON = [
  'not a pack',
  '{"device":"chaos-0"}',
  JSON.stringify({
    device: 'chaos-0',
    key: 'k',
    nonce: 1,
    created_us: 0,
    received_us: 0,
    metrics: ['acc_x'],
    units: ['m/s2'],
    metric: [0],
    time_us: [1_790_000_000_000_000],
    value: ['a\u0000b'],
  }),
];

/** Nothing can be written that makes Redis larger. What is in the log has to be stored and evaluated all the same. */
const redisFull: Fault = {
  name: 'redis-full',
  touches: ['redis', 'worker', 'worker-2'],
  inject: async ({ stack, durations }) => {
    await stack.configureRedis('maxmemory', '1');
    await delay(durations.disturbedMs);
    await stack.configureRedis('maxmemory', '0');
    return undefined;
  },
};

const poisonEntry: Fault = {
  name: 'poison-entry',
  touches: ['redis'],
  inject: async ({ stack, durations, shardCount, random }) => {
    for (const poison of POISON) {
      await stack.withRedis((redis) =>
        redis.xadd(redisKeys.readings(Math.floor(random() * shardCount)), '*', ADMITTED_PACK_FIELD, poison),
      );
      await delay(durations.disturbedMs / POISON.length);
    }
    return { deadLetters: POISON.length };
  },
};

/** What the database of `npm start` has to survive too. */
export const KILLS: readonly Fault[] = [...kills, killEveryWorker];

export const FAULTS: readonly Fault[] = [
  ...KILLS,
  ...freezes,
  postgresAway,
  redisAway,
  diskFull,
  connectionResets,
  impatientClients,
  rivalWorkers,
  clockJump,
  backlogFull,
  redisFull,
  poisonEntry,
];
