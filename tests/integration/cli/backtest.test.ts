import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { ADMITTED_PACK_FIELD } from '../../../contracts/admitted-pack.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { shardOf } from '../../../contracts/shard.ts';
import { ruleSchema, type Rule } from '../../../core/detection/rule.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { encodePack, numberReading, positionReadings, type DevicePack } from '../../support/admitted-packs.ts';
import { createAssociating } from '../../support/associating.ts';
import { createDetecting, readTransitions } from '../../support/detecting.ts';
import { EVERY_SHARD } from '../../support/held.ts';
import { createPersistGroups, createPersisting, persistAll } from '../../support/persisting.ts';
import { startProgram } from '../../support/process.ts';
import { changeRegistry, createProjector, projectNow } from '../../support/projecting.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { openWorkerStores, SHARD_COUNT, type WorkerStores } from '../../support/worker-stores.ts';

const DEVICES = 4;
const SECONDS = 40;
const HARBOUR = 'MULTIPOLYGON(((19 47, 20 47, 20 48, 19 48, 19 47)))';

const common = { version: 1, severity: 'Minor', headline: 'Rule', when: 'above' };
const RULES: readonly Rule[] = [
  { kind: 'threshold', id: 'high', scope: { metrics: ['x'] }, limit: 10, clear_limit: 5, duration_s: 2 },
  {
    kind: 'threshold',
    id: 'levels',
    scope: { metrics: ['x'] },
    limit: 8,
    clear_limit: 5,
    lateness_s: 5,
    levels: [{ severity: 'Extreme', limit: 11, clear_limit: 9 }],
  },
  { kind: 'rate', id: 'fast', scope: { metrics: ['x'] }, limit: 3, clear_limit: 1, over_s: 2 },
  { kind: 'threshold', id: 'open', scope: { metrics: ['door'] }, limit: 0.5, clear_limit: 0.5 },
  { kind: 'threshold', id: 'vote', scope: { metrics: ['x'] }, limit: 9, clear_limit: 4, emits: 'trigger' },
  { kind: 'geofence', id: 'away', zone: 'harbour', when: 'outside' },
  { kind: 'absence', id: 'silent', scope: { metrics: ['x'] }, absent_s: 4 },
  { kind: 'quorum', id: 'all', triggers: ['vote'], k: 2, within_m: 50_000, window_s: 10, clear_after_s: 5 },
].map((rule) => {
  const { when, ...rest } = { ...common, ...rule };
  return ruleSchema.parse(['absence', 'quorum'].includes(rule.kind) ? rest : { ...rest, when });
});

/** The same in every run: swings and pauses of each device, with a door and a walk. */
function packs(startUs: number): readonly DevicePack[] {
  return Array.from({ length: SECONDS * 2 }, (_, step) => step).flatMap((step) =>
    Array.from({ length: DEVICES }, (_, device): DevicePack[] => {
      const timeUs = startUs + step * 500_000 + device * 1000;
      if ((step + device * 7) % 31 > 20) return [];
      const value = 6 + 6 * Math.sin(step / 3 + device / 5);
      const delayUs = step % 5 === 0 ? 700_000 : 20_000;
      return [
        {
          device: `dev-${device}`,
          receivedUs: timeUs + delayUs,
          readings: [
            numberReading('x', timeUs, value),
            ...(step % 7 === 0 ? [{ ...numberReading('door', timeUs, 0), value: step % 14 === 0 }] : []),
            ...(step % 4 === 0 ? positionReadings(timeUs, 47.5 + (step % 16) / 20, 19.5) : []),
          ],
        },
      ];
    }).flat(),
  );
}

const resultSchema = z.object({
  rules: z.int(),
  devices: z.int(),
  readings: z.int(),
  raised: z.int(),
  transitions: z.array(
    z.object({
      at: z.string(),
      kind: z.string(),
      rule: z.string(),
      subject: z.string(),
      severity: z.string(),
      status: z.string(),
      evidence: z.object({ measure: z.number().optional() }).loose(),
    }),
  ),
});

async function prepare(stores: WorkerStores): Promise<void> {
  await changeRegistry(
    stores,
    `INSERT INTO zones (id, name, area, registry_version) VALUES ('harbour', 'Harbour', ST_GeomFromText($2, 4326), $1)`,
    HARBOUR,
  );
  const store = new RegistryStore(stores.database);
  await store.registerDevices(
    Array.from({ length: DEVICES }, (_, device) =>
      deviceRegistration(`dev-${device}`, {
        owner: `owner-${device}`,
        position: { lat: 47.5 + device / 100, lon: 19.5 },
        status: device === 3 ? 'Test' : 'Actual',
      }),
    ),
  );
  await store.applyRules(RULES);
  await projectNow(stores, createProjector(stores));
}

test('what a back-test says of stored readings is what detection said when they came', async () => {
  await using stores = await openWorkerStores();
  const folder = await mkdtemp(join(tmpdir(), 'telltale-backtest-'));
  try {
    await prepare(stores);
    await createPersistGroups(stores.redis);
    const startUs = Date.now() * 1000 - (SECONDS + 2) * 1e6;
    const { loop } = createDetecting({ reader: stores.openRedis('test-detect'), redis: stores.redis });
    const associating = createAssociating({ reader: stores.openRedis('test-associate'), redis: stores.redis });
    for (const pack of [...packs(startUs)].sort((a, b) => (a.receivedUs ?? 0) - (b.receivedUs ?? 0))) {
      // As if it had come then: the log has its times from Redis.
      const id = `${Math.floor((pack.receivedUs ?? 0) / 1000)}-*`;
      await stores.redis.xadd(
        redisKeys.readings(shardOf(pack.device, SHARD_COUNT)),
        id,
        ADMITTED_PACK_FIELD,
        encodePack(pack),
      );
    }
    for (let pass = 0; pass < 10; pass += 1) await loop.pass(EVERY_SHARD);
    for (let pass = 0; pass < 3; pass += 1) await associating.pass(1);
    await persistAll(createPersisting(stores).loop, stores.redis);

    const file = join(folder, 'rules.json');
    await writeFile(file, JSON.stringify(RULES));
    const settings = { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.server.url };
    const iso = (us: number): string => new Date(us / 1000).toISOString();
    const run = async (...args: readonly string[]) => {
      await using started = await startProgram('scripts/backtest.js', args, settings);
      const { code } = await started.running.exited;
      return { code, lines: started.running.lastLines(Infinity).join('\n'), result: started.running.result };
    };
    const period = ['--from', iso(startUs - 1e6), '--to', iso(Date.now() * 1000)];
    const { code, lines, result } = await run('--rule', file, ...period, '--json');
    assert.equal(code, 0, lines);
    const backtest = resultSchema.parse(JSON.parse(result));

    const live = (await readTransitions(stores.redis)).map(({ transition }) => transition);
    const describe = (
      kind: string,
      rule: string,
      subject: string,
      severity: string,
      status: string,
      at: string,
    ): string => [at, kind, rule, rule === 'all' ? 'quorum' : subject, severity, status].join(' ');
    // Association runs by the clock on the wall, and here long after the readings came.
    const isComparable = ({ rule }: { rule: string }): boolean => rule !== 'all';
    assert.ok(live.some(({ rule, kind }) => rule === 'all' && kind === 'raised'));
    assert.deepEqual(
      backtest.transitions
        .filter(isComparable)
        .map((each) => describe(each.kind, each.rule, each.subject, each.severity, each.status, each.at))
        .sort(),
      live
        .filter(isComparable)
        .map((each) =>
          describe(
            each.kind,
            each.rule,
            each.subject,
            each.severity,
            each.status,
            iso(Math.floor(each.at_us / 1000) * 1000),
          ),
        )
        .sort(),
    );
    for (const { id, kind } of RULES) {
      if (id === 'vote') continue;
      assert.ok(
        backtest.transitions.some(({ rule }) => rule === id),
        `the ${kind} rule ${id} has raised nothing`,
      );
    }
    assert.equal(backtest.raised, backtest.transitions.filter(({ kind }) => kind === 'raised').length);
    assert.deepEqual([backtest.rules, backtest.devices], [RULES.length, DEVICES]);

    const table = await run('--rule', file, ...period);
    assert.match(table.lines, /^time +after +what +severity +rule +subject +why$/m);
    assert.match(table.lines, new RegExp(`${backtest.raised} alerts would have been raised`));

    const one = join(folder, 'rule.json');
    await writeFile(one, JSON.stringify({ ...RULES[0], enabled: false }));
    const single = await run('--rule', one, ...period, '--json');
    assert.ok(
      resultSchema.parse(JSON.parse(single.result)).raised > 0,
      'a rule that is not enabled yet is what one tests',
    );

    for (const [args, message] of [
      [['--rule', file, ...period.slice(0, 2)], /--to/],
      [['--rule', file, '--from', 'yesterday', '--to', iso(startUs)], /a time with its offset/],
      [['--rule', file, '--from', iso(startUs), '--to', iso(startUs)], /--to must be later/],
      [['--rule', join(folder, 'none.json'), ...period], /cannot be read/],
    ] as const) {
      const refused = await run(...args);
      assert.equal(refused.code, 1);
      assert.match(refused.lines, message);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
