import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseZoneRecord } from '../../../contracts/registry.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { runTelltale, type CommandRun } from '../../support/command-line.ts';
import { eventually } from '../../support/eventually.ts';
import { readDevice } from '../../support/projecting.ts';
import type { ServiceSettings, TestService } from '../../support/process.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const RULE = {
  ...{
    kind: 'threshold',
    id: 'too-warm',
    scope: { metrics: ['temperature'] },
    severity: 'Minor',
    headline: 'Too warm',
  },
  ...{ when: 'above', limit: 30, clear_limit: 28 },
};

let stores: WorkerStores;
let worker: TestService;
let folder: string;
let settings: ServiceSettings;
before(async () => {
  stores = await openWorkerStores();
  worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  await eventually(async () => assert.equal((await fetch(`${worker.adminUrl}/readyz`)).status, 200));
  folder = await mkdtemp(join(tmpdir(), 'telltale-cli-'));
  settings = { REDIS_URL: stores.server.url, DATABASE_URL: stores.databaseUrl };
});
after(async () => {
  await worker[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const telltale = (...args: readonly string[]): Promise<CommandRun> =>
  runTelltale(args, settings, { program: PROGRAM, cwd: folder });
const PROGRAM = join(process.cwd(), 'dist/cli/main.js');

/** What it prints with --json, as one object. */
async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await telltale(...args, '--json');
  assert.equal(code, 0, stderr);
  assert.equal(stdout.indexOf('\n'), stdout.length - 1, 'one line');
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function assertRefused(code: 1 | 2, message: RegExp, ...args: readonly string[]): Promise<void> {
  const run = await telltale(...args);
  assert.equal(run.code, code, `${args.join(' ')}: ${run.stderr}`);
  assert.match(run.stderr, message);
  assert.equal(run.stdout, '');
}

test('a device is added with a key pair that is made for it, shown, listed, described and switched off', async () => {
  const added = await json(
    'devices',
    'add',
    'dev-1',
    '--new-key',
    'dev-1.pem',
    '--lat',
    '19.5',
    '--lon',
    '-99.5',
    '--tag',
    'roof',
  );
  assert.match(String(added['api_key']), /^tt_/);
  assert.deepEqual([added['device'], added['key_id'], added['key_file']], ['dev-1', '1', 'dev-1.pem']);
  const path = join(folder, 'dev-1.pem');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal(createPrivateKey(await readFile(path)).asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.deepEqual((await readDevice(stores, 'dev-1'))?.tags, ['roof']);

  await assertRefused(1, /dev-1\.pem is there already/, 'devices', 'add', 'dev-9', '--new-key', 'dev-1.pem');
  await assertRefused(1, /another key already/, 'devices', 'add', 'dev-1', '--new-key', 'again.pem');
  await assert.rejects(stat(join(folder, 'again.pem')), 'no key of nobody is left behind');
  await assertRefused(2, /--public-key <file> is missing, or --new-key/, 'devices', 'add', 'dev-2');
  await assertRefused(2, /is not a device id/, 'devices', 'add', 'two words', '--new-key', 'x.pem');

  const { devices, total } = await json('devices', 'list', '--tag', 'roof');
  assert.equal(total, 1);
  assert.deepEqual(
    (devices as { device: string; lat: number; heard_at: unknown }[]).map(({ device, lat, heard_at: at }) => [
      device,
      lat,
      at,
    ]),
    [['dev-1', 19.5, null]],
  );
  assert.deepEqual((await json('devices', 'list', '--tag', 'cellar'))['devices'], []);
  assert.match(
    (await telltale('devices', 'list')).stdout,
    /^device +status +position +heard +site +zones +tags\ndev-1 +Actual +19\.5000,-99\.5000 +never/,
  );

  const describe = (...args: readonly string[]) => json('devices', 'describe', 'dev-1', ...args);
  assert.deepEqual(await describe('--status', 'Test'), { device: 'dev-1', status: 'Test', tags: ['roof'] });
  assert.deepEqual(await describe('--tag', 'b', 'a'), { device: 'dev-1', status: 'Test', tags: ['a', 'b'] });
  const both = ['devices', 'describe', 'dev-1', '--tag', 'c', '--no-tags'];
  await assertRefused(2, /--tag gives tags and --no-tags takes all away: keep one/, ...both);
  assert.deepEqual(await describe('--no-tags'), { device: 'dev-1', status: 'Test', tags: [] });

  await json('devices', 'disable', 'dev-1');
  assert.equal((await readDevice(stores, 'dev-1'))?.disabled, true);
  assert.deepEqual(((await json('devices', 'list', '--disabled'))['devices'] as unknown[]).length, 1);
  await json('devices', 'enable', 'dev-1');
  assert.equal((await json('devices', 'show', 'dev-1'))['disabled'], false);
  await assertRefused(1, /there is no device dev-9: "telltale devices list"/, 'devices', 'show', 'dev-9');
});

test('device keys are added, rotated and revoked, two of them active at most', async () => {
  await json('devices', 'add', 'dev-k', '--new-key', 'k1.pem');
  await json('keys', 'add', 'dev-k', '--key-id', '2', '--new-key', 'k2.pem');
  await assertRefused(
    1,
    /3 active keys, and 2 is the most/,
    'keys',
    'add',
    'dev-k',
    '--key-id',
    '3',
    '--new-key',
    'k3.pem',
  );
  await assertRefused(1, /2 is the most/, 'keys', 'rotate', 'dev-k', '--key-id', '3', '--new-key', 'k3.pem');
  await assertRefused(1, /dev-k\/2 is a key already/, 'keys', 'add', 'dev-k', '--key-id', '2', '--new-key', 'k3.pem');
  await assertRefused(1, /there is no device nobody/, 'keys', 'add', 'nobody', '--key-id', '2', '--new-key', 'k3.pem');
  await json('keys', 'revoke', 'dev-k', '1');
  await json('keys', 'rotate', 'dev-k', '--key-id', '3', '--new-key', 'k3.pem', '--overlap', '1h');
  const keys = (await readDevice(stores, 'dev-k'))?.keys;
  const leftMs = (keys?.get('2')?.not_after_ms ?? 0) - Date.now();
  assert.ok(leftMs > 3_500_000 && leftMs <= 3_600_000, `${leftMs} ms`);
  assert.deepEqual([keys?.get('3')?.not_after_ms, keys?.get('3')?.revoked_at_ms], [null, null]);
  assert.notEqual(keys?.get('1')?.revoked_at_ms, null);
  const { stdout } = await telltale('devices', 'show', 'dev-k');
  assert.match(stdout, /device key +1 +revoked/);
  assert.match(stdout, /device key +3 +active/);
  assert.match(stdout, /API key +\S{12} +active/);
});

const square = (id: string, lon: number, lat: number): object => ({
  type: 'Feature',
  id,
  properties: { name: `The ${id}` },
  geometry: {
    type: 'Polygon',
    coordinates: [
      [
        [lon, lat],
        [lon + 1, lat],
        [lon + 1, lat + 1],
        [lon, lat + 1],
        [lon, lat],
      ],
    ],
  },
});

test('zones come from GeoJSON, all of a file or none, and devices and rules see them', async () => {
  await json('devices', 'add', 'dev-z', '--new-key', 'z.pem', '--lat', '47.5', '--lon', '19.5');
  const write = (name: string, content: object) => writeFile(join(folder, name), JSON.stringify(content));
  await write('zones.json', {
    type: 'FeatureCollection',
    features: [square('harbour', 19, 47), square('hill', 30, 47)],
  });
  assert.deepEqual(await json('zones', 'import', 'zones.json'), { imported: ['harbour', 'hill'] });
  assert.deepEqual((await readDevice(stores, 'dev-z'))?.zones, ['harbour']);
  assert.equal(parseZoneRecord(await stores.redis.hget(redisKeys.zones, 'hill'))?.name, 'The hill');

  await write('moved.json', square('harbour', 40, 47));
  assert.deepEqual(await json('zones', 'import', 'moved.json'), { imported: ['harbour'] });
  assert.deepEqual((await readDevice(stores, 'dev-z'))?.zones, []);

  const bow = square('bow', 0, 0);
  Object.assign(bow, {
    geometry: {
      type: 'Polygon',
      coordinates: [
        [
          [0, 0],
          [1, 1],
          [1, 0],
          [0, 1],
          [0, 0],
        ],
      ],
    },
  });
  await write('crossed.json', { type: 'FeatureCollection', features: [square('hill', 19, 47), bow] });
  await assertRefused(
    1,
    /nothing is imported\n {2}"bow": Self-intersection at \[0\.5, 0\.5\]; redraw/,
    'zones',
    'import',
    'crossed.json',
  );
  await write('open.json', { ...square('hill', 19, 47), geometry: { type: 'Point', coordinates: [1, 2] } });
  await assertRefused(1, /feature 1 \("hill"\): its geometry is Point: draw a Polygon/, 'zones', 'import', 'open.json');
  assert.deepEqual((await readDevice(stores, 'dev-z'))?.zones, [], 'the hill stays where it was');

  const { zones } = await json('zones', 'list');
  const listed = zones as { zone: string; devices: number; bbox: number[] }[];
  assert.deepEqual(
    listed.map(({ zone, devices, bbox }) => [zone, devices, bbox[0]]),
    [
      ['harbour', 0, 40],
      ['hill', 0, 30],
    ],
  );
});

test('rules are applied, listed, muted, and tried on readings in a file', async () => {
  await writeFile(join(folder, 'rule.json'), JSON.stringify(RULE));
  assert.deepEqual(await json('rules', 'apply', 'rule.json'), { applied: ['too-warm'] });
  assert.match((await telltale('rules', 'list')).stdout, /too-warm +1 +threshold +enabled +Minor +Too warm/);
  await json('mute', 'too-warm', '--for', '1h');
  assert.match((await telltale('rules', 'list')).stdout, /too-warm +2 +threshold +muted/);

  const reading = (second: number, value: number): string =>
    JSON.stringify({ device: 'somebody', metric: 'temperature', time: `2026-11-22T10:00:${second}Z`, value });
  await writeFile(join(folder, 'readings.jsonl'), [reading(30, 20), reading(20, 31), reading(10, 29)].join('\n'));
  const result = await json('rules', 'test', 'rule.json', '--readings', 'readings.jsonl');
  assert.deepEqual([result['rules'], result['devices'], result['readings'], result['raised']], [1, 1, 3, 1]);
  assert.deepEqual(
    (result['transitions'] as { kind: string; at: string }[]).map(({ kind, at }) => `${kind} ${at}`),
    ['raised 2026-11-22T10:00:20.000Z', 'cleared 2026-11-22T10:00:30.000Z'],
  );
  await writeFile(join(folder, 'bad.jsonl'), `${reading(10, 1)}\n{"device": 1}`);
  await assertRefused(
    1,
    /bad\.jsonl, line 2: no reading\. It should look like/,
    'rules',
    'test',
    'rule.json',
    '--readings',
    'bad.jsonl',
  );
  await assertRefused(2, /either --from <time> --to <time>, or --readings/, 'rules', 'test', 'rule.json');
});

test('what the database keeps is shown, and dropped when somebody says so', async () => {
  await stores.database.query('CREATE TABLE readings_p20200101 (LIKE readings INCLUDING ALL)');
  await stores.database.query(
    `ALTER TABLE readings ATTACH PARTITION readings_p20200101 FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')`,
  );
  const args = ['retention', 'show', '--json'];
  const { stdout } = await runTelltale(args, { ...settings, TELLTALE_WORKER_KEEP_READINGS_DAYS: '90' });
  const { tables } = JSON.parse(stdout) as {
    tables: { table: string; keep_days: number | null; partitions: { partition: string; due: boolean }[] }[];
  };
  const readings = tables.find(({ table }) => table === 'readings');
  assert.equal(readings?.keep_days, 90);
  assert.deepEqual(
    readings.partitions.filter(({ due }) => due).map(({ partition }) => partition),
    ['readings_p20200101'],
  );
  assert.equal(tables.find(({ table }) => table === 'registry_requests')?.keep_days, 30);

  const drop = ['retention', 'drop', '--before', '2020-01-02'];
  await assertRefused(2, /drop readings_p20200101 \(.*\)\? Add --yes/, ...drop);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const future = ['retention', 'drop', '--before', tomorrow];
  await assertRefused(2, new RegExp(`--before ${tomorrow} is still to come: everything that is stored`), ...future);
  await assertRefused(2, /is still to come/, ...future, '--yes');
  await assertRefused(2, /--before soon is no day/, 'retention', 'drop', '--before', 'soon');
  await assertRefused(2, /--table is one of/, ...drop, '--table', 'devices');
  assert.deepEqual((await json(...drop, '--yes'))['dropped'], ['readings_p20200101']);
  assert.deepEqual((await json(...drop, '--yes'))['dropped'], []);
});

test('a store that does not answer, or is not known, is one line that names what to set', async () => {
  const nowhere = { DATABASE_URL: 'postgres://127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' };
  for (const [given, message] of [
    [nowhere, /^telltale: the database does not answer \(connect ECONNREFUSED.*\): check DATABASE_URL.*\n$/],
    [{}, /^telltale: no platform runs here: start one with "npm start", or set DATABASE_URL.*\n$/],
    [{ REDIS_URL: stores.server.url }, /^telltale: this needs the database: set DATABASE_URL beside REDIS_URL\n$/],
    [
      { DATABASE_URL: stores.databaseUrl.replace(/\/[^/]*$/, '/none') },
      /^telltale: database "none" does not exist: check DATABASE_URL/,
    ],
    [{ DATABASE_URL: stores.databaseUrl.replace(/\/[^/]*$/, '/postgres') }, /run "telltale migrate"/],
  ] as const) {
    const { code, stderr } = await runTelltale(['devices', 'list'], given);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});
