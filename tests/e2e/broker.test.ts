import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectAsync } from 'mqtt';
import { z } from 'zod';
import { isPortFree } from '../../scripts/process/free-port.ts';
import { assertNoStack } from '../support/assert-nothing-unusual.ts';
import { copyEmbeddedDatabase } from '../support/embedded-database.ts';
import { eventually } from '../support/eventually.ts';
import { findPlatformPorts } from '../support/platform-ports.ts';
import { startProgram, type ServiceSettings } from '../support/process.ts';

const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 20_000;
const summarySchema = z.looseObject({ packs_accepted: z.int(), packs_sent: z.int() });

test('the platform runs a broker: devices that register while it runs publish with their logins, and nobody without', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-broker-'));
  try {
    const settings: ServiceSettings = { ...(await findPlatformPorts()), TELLTALE_DEV_DIR: folder };
    const port = Number(settings.TELLTALE_DEV_MQTT_PORT);
    await copyEmbeddedDatabase(join(folder, 'pglite'));
    await using start = await startProgram('scripts/start.js', ['--no-sim'], settings);
    const lines = () => start.running.lastLines(Infinity).join('\n');
    await eventually(() => assert.match(lines(), /Telltale is ready/), READY_DEADLINE_MS);
    assert.match(lines(), new RegExp(`MQTT {7}mqtt://127.0.0.1:${port}\n`));

    await assert.rejects(connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 }, false));
    const args = ['--devices', '3', '--duration', '4', '--transport', 'mqtt', '--encoding', 'jws', '--json'];
    await using sim = await startProgram('scripts/sim.js', args, settings);
    const { code } = await sim.running.exited;
    assert.equal(code, 0, sim.running.lastLines(Infinity).join('\n'));
    const summary = summarySchema.parse(JSON.parse(sim.running.result));
    assert.ok(summary.packs_accepted > 0, sim.running.result);
    assert.equal(summary.packs_accepted, summary.packs_sent);

    // As Ctrl-C does.
    const status = await start.running.stop(STOP_DEADLINE_MS, 'SIGINT');
    assert.equal(status.code, 0, lines());
    assertNoStack('start', start.running.lastLines(Infinity));
    assert.ok(await isPortFree('127.0.0.1', port), 'the broker is still there');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a port of the broker that is taken is named with the variable that changes it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-broker-'));
  const other = createServer().listen(0, '127.0.0.1');
  try {
    await once(other, 'listening');
    const address = other.address();
    assert.ok(address !== null && typeof address === 'object');
    const ports = { ...(await findPlatformPorts()), TELLTALE_DEV_MQTT_PORT: String(address.port) };
    await using start = await startProgram('scripts/start.js', [], { ...ports, TELLTALE_DEV_DIR: folder });
    assert.deepEqual(await start.running.exited, { code: 1, signal: null });
    assert.match(
      start.running.lastLines().join('\n'),
      new RegExp(`^Port ${address.port} \\(TELLTALE_DEV_MQTT_PORT\\) is in use`),
    );
  } finally {
    other.close();
    await rm(folder, { recursive: true });
  }
});
