import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { alertMessageSchema } from '../../../contracts/alert-stream.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { runTelltale } from '../../support/command-line.ts';
import { eventually } from '../../support/eventually.ts';
import { startPlatform, type TestPlatform } from '../../support/platform.ts';
import { startProgram, type ServiceSettings } from '../../support/process.ts';

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

let platform: TestPlatform;
let folder: string;
let apiKey: string;
before(async () => {
  platform = await startPlatform();
  folder = await mkdtemp(join(tmpdir(), 'telltale-send-'));
  await writeFile(join(folder, 'rule.json'), JSON.stringify(RULE));
  await telltale('rules', 'apply', join(folder, 'rule.json'));
  apiKey = (await telltale('devices', 'add', 'dev-1', '--new-key', join(folder, 'dev-1.pem'))).trim();
});
after(async () => {
  await platform[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function telltale(...args: readonly string[]): Promise<string> {
  const { databaseUrl, redisUrl } = platform.stores;
  const { code, stdout, stderr } = await runTelltale(args, { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
  assert.equal(code, 0, stderr);
  return stdout;
}

const send = (args: readonly string[], key = apiKey, url = platform.ingestUrl) =>
  runTelltale(['send', 'dev-1', ...args, '--key', join(folder, 'dev-1.pem'), '--url', url], { API_KEY: key });

const tail = (...args: readonly string[]) =>
  startProgram('cli/main.js', ['alerts', 'tail', '--url', platform.alertsUrl, ...args], {
    TELLTALE_DEV_DIR: '/nowhere',
  });

test('a reading that is sent by hand is taken, and what ingest has against one is said', async () => {
  for (const [args, reply] of [
    [['temperature', '21.5', 'Cel'], '202 {"accepted":1}\n'],
    [['door', 'true'], '202 {"accepted":1}\n'],
    [['mode', 'idle'], '202 {"accepted":1}\n'],
  ] as const) {
    const { code, stdout } = await send(args);
    assert.deepEqual([code, stdout], [0, reply]);
  }
  const refused = await send(['temperature', '21.5', 'parsec', '--json']);
  assert.equal(refused.code, 1);
  assert.equal((JSON.parse(refused.stdout) as { status: number }).status, 422);
  assert.match(refused.stderr, /does not take the reading: schema-invalid/);
  assert.match((await send(['temperature', '1'], 'tt_none')).stderr, /unauthorized/);
  const without = await send(['temperature', '1'], '');
  assert.deepEqual([without.code, /--api-key-file or --api-key is missing/.test(without.stderr)], [2, true]);
  const away = await send(['temperature', '1'], apiKey, `http://127.0.0.1:${await findFreePort()}`);
  assert.match(away.stderr, /does not answer \(.*\): is the platform running\?/);
});

test('readings that are sent one after the other, as fast as one can, have nonces of their own', async () => {
  for (const value of [1, 2, 3, 4]) assert.equal((await send(['load', String(value)])).stdout, '202 {"accepted":1}\n');
});

test('whoever tails has each alert once, also those that come while the server is away, and Ctrl-C is no failure', async () => {
  await using listener = await tail('--json');
  const { running } = listener;
  const listening = () => running.lastLines(Infinity).filter((line) => line.startsWith('listening to ')).length;
  const told = () =>
    running
      .lastLines(Infinity)
      .filter((line) => line.startsWith('{'))
      .map((line) => alertMessageSchema.parse(JSON.parse(line)))
      .map(({ kind, subject, version }) => `${kind} ${subject} ${version}`);
  await eventually(() => assert.equal(listening(), 1));
  await send(['temperature', '45', 'Cel']);
  await eventually(() => assert.deepEqual(told(), ['raised dev-1 1']));

  await platform.stop('broadcaster');
  await send(['temperature', '20', 'Cel']);
  await platform.start('broadcaster');
  await eventually(() => assert.deepEqual(told(), ['raised dev-1 1', 'cleared dev-1 2']));
  assert.match(running.lastLines(Infinity).join('\n'), /trying again/);
  assert.deepEqual(await running.stop(10_000, 'SIGINT'), { code: 0, signal: null });
});

test('one line an alert for people, and an end after as many as were asked for', async () => {
  await using listener = await tail('--count', '1');
  const { running } = listener;
  await eventually(() => assert.match(running.lastLines(Infinity).join('\n'), /listening to /));
  await send(['temperature', '46', 'Cel']);
  assert.deepEqual(await running.exited, { code: 0, signal: null });
  assert.match(
    running.result,
    /^\d{4}-\S+Z {2}raised {2}Minor \(Actual\) {2}Too warm: too-warm at dev-1 {2}temperature 46, limit 30$/,
  );
  const wrong = await runTelltale(['alerts', 'tail', '--min-severity', 'Huge'], {});
  assert.deepEqual([wrong.code, /--min-severity is one of Extreme/.test(wrong.stderr)], [2, true]);
});

test('an API key from a file is not among the arguments; two keys, and a file that has none, are refused', async () => {
  const file = join(folder, 'api-key');
  await writeFile(file, `${apiKey}\n`);
  const args = ['send', 'dev-1', 'load', '5', '--key', join(folder, 'dev-1.pem'), '--url', platform.ingestUrl];
  const sent = await runTelltale([...args, '--api-key-file', file], { API_KEY: 'tt_another' });
  assert.deepEqual([sent.code, sent.stdout], [0, '202 {"accepted":1}\n'], sent.stderr);
  const both = await runTelltale([...args, '--api-key-file', file, '--api-key', apiKey], {});
  assert.deepEqual([both.code, both.stdout], [2, '']);
  assert.match(both.stderr, /--api-key and --api-key-file are both given; keep one/);
  const missing = await runTelltale([...args, '--api-key-file', join(folder, 'none')], { API_KEY: apiKey });
  assert.deepEqual([missing.code, /none cannot be read/.test(missing.stderr)], [1, true]);
  const wrong = await runTelltale([...args, '--api-key-file', join(folder, 'dev-1.pem')], {});
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /dev-1\.pem is no file with an API key alone\n$/);
});

test('a platform that the environment names is not mistaken for the one that runs in the folder', async () => {
  const { databaseUrl, redisUrl } = platform.stores;
  const nobody = `127.0.0.1:${await findFreePort()}`;
  const run = { pid: process.pid, ingest_url: platform.ingestUrl, alerts_url: platform.alertsUrl };
  await writeFile(join(folder, 'run.json'), JSON.stringify({ ...run, database_url: databaseUrl, redis_url: redisUrl }));
  const here = { TELLTALE_DEV_DIR: folder, API_KEY: apiKey };
  const sendIn = (settings: ServiceSettings) =>
    runTelltale(['send', 'dev-1', 'load', '6', '--key', join(folder, 'dev-1.pem')], { ...here, ...settings });
  const tailIn = (settings: ServiceSettings) =>
    runTelltale(['alerts', 'tail', '--count', '1'], { ...here, ...settings });

  assert.equal((await sendIn({})).code, 0, 'the one that runs here');
  assert.equal((await sendIn({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl })).code, 0, 'which has these stores');
  for (const [stores, names] of [
    [{ DATABASE_URL: 'postgres://elsewhere.invalid/telltale', REDIS_URL: redisUrl }, 'DATABASE_URL and REDIS_URL name'],
    [{ REDIS_URL: 'redis://elsewhere.invalid' }, 'REDIS_URL names'],
  ] as const) {
    const sent = await sendIn(stores);
    assert.deepEqual([sent.code, sent.stdout], [2, '']);
    assert.match(
      sent.stderr,
      new RegExp(`${names} a platform, and not where its devices post: give --url, or set TELLTALE_INGEST_URL`),
    );
    const heard = await tailIn(stores);
    assert.equal(heard.code, 2);
    assert.match(
      heard.stderr,
      new RegExp(`${names} a platform, and not where its alerts are told: give --url, or set TELLTALE_ALERTS_URL`),
    );
  }
  const elsewhere = { REDIS_URL: 'redis://elsewhere.invalid' };
  assert.equal((await sendIn({ ...elsewhere, TELLTALE_INGEST_URL: platform.ingestUrl })).code, 0);
  const away = await sendIn({ TELLTALE_INGEST_URL: `http://${nobody}` });
  assert.match(away.stderr, new RegExp(`http://${nobody} does not answer`), 'the variable comes before what runs here');
  const no = await sendIn({ TELLTALE_INGEST_URL: 'nowhere' });
  assert.deepEqual([no.code, /TELLTALE_INGEST_URL: must be an http:\/\/ or https:\/\/ URL/.test(no.stderr)], [1, true]);

  await using listener = await startProgram('cli/main.js', ['alerts', 'tail', '--count', '1'], {
    ...elsewhere,
    TELLTALE_ALERTS_URL: platform.alertsUrl,
  });
  await eventually(() => assert.match(listener.running.lastLines(Infinity).join('\n'), /listening to /));
});
