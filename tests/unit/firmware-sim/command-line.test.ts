import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import { parseFleet } from '../../../firmware-sim/fleet/fleet-device.ts';
import { openIngestDouble } from './ingest-double.ts';

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

const summarySchema = z.looseObject({
  ...{ devices: z.int(), accepted: z.int(), rejected: z.int(), unacknowledged: z.int(), packs_sent: z.int() },
  packs_accepted: z.int(),
  packs_already_delivered: z.int(),
  by_code: z.record(z.string(), z.int()),
  latency_ms: z.object({ p50: z.number(), p90: z.number(), p99: z.number(), max: z.number() }),
  quakes: z.array(z.object({ origin_ms: z.int(), magnitude: z.number() })),
});
const ledgerSchema = z.object({
  device: z.string(),
  nonce: z.int(),
  metrics: z.array(z.string()),
  readings: z.array(z.tuple([z.int(), z.int(), z.number()])),
  outcome: z.string(),
});

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'telltale-sim-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function simulate(args: readonly string[], onLine: (kill: () => void) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, ['dist/firmware-sim/main.js', ...args]);
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    onLine(() => child.kill('SIGTERM'));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, lines: output.trimEnd().split('\n'), errors };
}

const wrongUsages = [
  [['--devices', '0'], '--devices'],
  [['--device', '5'], '--devices'],
  [['--scenario', 'storm'], 'thunderstorm'],
  [['--speed', '2'], '--replay'],
  [['--transport', 'mqtt'], '--encoding must be jws or cose'],
  [['--pack', '5', '--samples', '5'], '--samples'],
  [['--replay', 'x', '--rate', '2'], '--rate'],
  [['--url', 'http://127.0.0.1/path'], '--url'],
] as const;

for (const [args, named] of wrongUsages) {
  test(`wrong usage, ${args.join(' ')}, is one line that names the fix, with exit code 2`, async () => {
    const { code, errors } = await simulate(args);
    assert.equal(code, 2);
    assert.match(errors, /^firmware-sim: .*\n$/);
    assert.ok(errors.includes(named), errors);
  });
}

test('a run delivers all that it measures, and its ledger and summary say so', async (context) => {
  const folder = temporaryFolder(context);
  assert.equal((await simulate(['manifest', '--devices', '4', '--fleet', folder])).code, 0);
  const devices = parseFleet(readFileSync(join(folder, 'sim.json'), 'utf8'));
  const tried = new Set<string>();
  await using server = await openIngestDouble(devices, ({ deviceId, nonce }, count) => {
    if (tried.has(`${deviceId} ${nonce}`)) return { status: 409, body: { code: 'replay-detected' } };
    if (count % 5 !== 0) return { status: 202 };
    tried.add(`${deviceId} ${nonce}`);
    return { status: 0, hangUp: true };
  });
  const ledger = join(folder, 'ledger.ndjson');
  const { code, lines, errors } = await simulate([
    ...['--devices', '4', '--rate', '4', '--duration', '2', '--scenario', 'quake', '--quake-after', '0.5'],
    ...['--fleet', folder, '--url', server.url.origin, '--ledger', ledger, '--json'],
  ]);
  assert.equal(errors, '');
  assert.equal(code, 0);
  const summary = summarySchema.parse(JSON.parse(lines.at(-1)!));
  assert.equal(summary.packs_sent, 32);
  assert.equal(summary.packs_accepted + summary.packs_already_delivered, 32);
  assert.ok(summary.packs_already_delivered > 0);
  assert.equal(summary.accepted, 32 * 30);
  assert.equal(summary.quakes.length, 1);
  assert.ok(summary.latency_ms.p50 > 0 && summary.latency_ms.max >= summary.latency_ms.p99);
  assert.ok(lines.length > 1, 'a pipe gets lines of progress');
  const entries = readFileSync(ledger, 'utf8').trimEnd().split('\n');
  const noted = entries.map((line) => ledgerSchema.parse(JSON.parse(line)));
  assert.equal(
    noted.reduce((sum, { readings }) => sum + readings.length, 0),
    summary.accepted,
  );
  const keys = noted.flatMap(({ device, readings }) =>
    readings.map(([metric, timeUs]) => `${device} ${metric} ${timeUs}`),
  );
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(noted[0]?.metrics, ['acc_x', 'acc_y', 'acc_z']);
  assert.equal(new Set(server.received.map(({ address }) => address)).size, 4);
});

test('SIGTERM ends an endless run with its summary', async (context) => {
  const folder = temporaryFolder(context);
  await simulate(['manifest', '--devices', '2', '--fleet', folder]);
  const devices = parseFleet(readFileSync(join(folder, 'sim.json'), 'utf8'));
  let stop: (() => void) | undefined;
  await using server = await openIngestDouble(devices, (_, count) => {
    if (count === 3) stop?.();
    return { status: 202 };
  });
  const args = ['--devices', '2', '--rate', '10', '--duration', '0', '--fleet', folder, '--url', server.url.origin];
  const { code, lines } = await simulate([...args, '--json'], (kill) => {
    stop = kill;
  });
  assert.equal(code, 0);
  assert.ok(summarySchema.parse(JSON.parse(lines.at(-1)!)).accepted >= 90);
});

test('a server that does not exist is named, with exit code 1', async (context) => {
  const folder = temporaryFolder(context);
  const { code, errors, lines } = await simulate([
    ...[
      '--devices',
      '2',
      '--duration',
      '1',
      '--drain',
      '0.2',
      '--url',
      'http://127.0.0.1:9',
      '--fleet',
      folder,
      '--json',
    ],
  ]);
  assert.equal(code, 1);
  assert.match(errors, /nothing answered at http:\/\/127\.0\.0\.1:9 .*ECONNREFUSED/);
  assert.equal(summarySchema.parse(JSON.parse(lines.at(-1)!)).unacknowledged, 60);
});
