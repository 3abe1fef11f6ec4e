import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { isPortFree } from '../../scripts/process/free-port.ts';
import { assertNoStack } from '../support/assert-nothing-unusual.ts';
import { eventually } from '../support/eventually.ts';
import { findPlatformPorts, PLATFORM_PORTS } from '../support/platform-ports.ts';
import { startProgram, type ServiceSettings } from '../support/process.ts';

/** The demo's first quake comes after 15 s, and its waves need a few seconds. */
const RUN_S = 30;
/** The embedded database alone is compiled for ten seconds of a core that nobody else uses. */
const READY_DEADLINE_MS = 180_000;
const summarySchema = z.strictObject({
  accepted: z.int(),
  stored: z.int(),
  duplicates: z.int(),
  rejected: z.int(),
  alerts: z.int(),
  delivered: z.int(),
  lost: z.int(),
});

/** What a command says that refuses to start. */
async function refusal(settings: ServiceSettings): Promise<string> {
  await using second = await startProgram('scripts/start.js', [], settings);
  assert.deepEqual(await second.running.exited, { code: 1, signal: null });
  const lines = second.running.lastLines();
  assertNoStack('start', lines);
  return lines.join('\n');
}

test('one command runs the whole platform, stores what it acknowledged, raises alerts and leaves nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-start-'));
  try {
    const settings: ServiceSettings = { ...(await findPlatformPorts()), TELLTALE_DEV_DIR: folder };
    const args = ['--exit-after', String(RUN_S), '--json'];
    await using start = await startProgram('scripts/start.js', args, settings);
    const { running } = start;
    await eventually(() => assert.match(running.lastLines().join('\n'), /Telltale is ready/), READY_DEADLINE_MS);

    const port = settings.TELLTALE_INGEST_PORT ?? '';
    assert.match(await refusal(settings), new RegExp(`^Port ${port} \\(TELLTALE_INGEST_PORT\\) is in use`));
    const elsewhere = { ...(await findPlatformPorts()), TELLTALE_DEV_DIR: folder };
    assert.match(await refusal(elsewhere), new RegExp(`^Another Telltale \\(process ${running.pid}\\) uses ${folder}`));

    const { code } = await running.exited;
    const lines = running.lastLines(Infinity);
    assert.equal(code, 0, lines.join('\n'));
    assertNoStack('start', lines);
    const { accepted, stored, alerts, delivered, ...nothing } = summarySchema.parse(JSON.parse(running.result));
    assert.deepEqual(nothing, { duplicates: 0, rejected: 0, lost: 0 });
    assert.equal(stored, accepted);
    // 50 devices send 30 readings a second, where the machine lets them.
    assert.ok(accepted > 50 * 30 * (RUN_S / 3), `${accepted} readings`);
    assert.ok(alerts > 0 && delivered >= alerts, `${alerts} alerts, ${delivered} delivered`);
    for (const name of PLATFORM_PORTS)
      assert.ok(await isPortFree('127.0.0.1', Number(settings[name])), `${name} is in use`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
