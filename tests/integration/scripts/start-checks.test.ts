import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { requireFreePorts } from '../../../scripts/dev-stack/check-ports.ts';
import { lockFolder } from '../../../scripts/dev-stack/lock-folder.ts';
import { loadSecret } from '../../../scripts/dev-stack/secrets.ts';
import { parseStackSettings } from '../../../scripts/dev-stack/settings.ts';
import { findPlatformPorts } from '../../support/platform-ports.ts';

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-start-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a port that is taken is named with the variable that changes it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  assert.ok(address !== null && typeof address === 'object');
  const settings = parseStackSettings({ ...(await findPlatformPorts()), TELLTALE_INGEST_PORT: String(address.port) });
  await assert.rejects(
    requireFreePorts(settings),
    new RegExp(`Port ${address.port} \\(TELLTALE_INGEST_PORT\\) is in use`),
  );
  other.close();
  await once(other, 'close');
  await requireFreePorts(settings);
});

test('the ports of the private stores are not looked at when real servers are used', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  assert.ok(address !== null && typeof address === 'object');
  const env = { ...(await findPlatformPorts()), TELLTALE_DEV_REDIS_PORT: String(address.port) };
  await assert.rejects(requireFreePorts(parseStackSettings(env)), /TELLTALE_DEV_REDIS_PORT/);
  await requireFreePorts(parseStackSettings({ ...env, REDIS_URL: 'redis://127.0.0.1:1' }));
  other.close();
});

test('a folder that a living process uses is refused, and free again afterwards', () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, 'start.lock'), String(process.ppid));
    await assert.rejects(lockFolder(folder), /Another Telltale \(process \d+\) uses/);
    await writeFile(join(folder, 'start.lock'), '');
    const lock = await lockFolder(folder);
    await lock[Symbol.asyncDispose]();
    await (await lockFolder(folder))[Symbol.asyncDispose]();
  }));

test('a lock that a dead process left is no obstacle', () =>
  withFolder(async (folder) => {
    // Process ids end at 2^22 on Linux.
    await writeFile(join(folder, 'start.lock'), '4194999');
    await (await lockFolder(folder))[Symbol.asyncDispose]();
  }));

test('a secret is made once, kept, and read by its owner only', () =>
  withFolder(async (folder) => {
    const first = await loadSecret(folder, 'redis-password');
    assert.ok(first.length >= 32);
    assert.equal(await loadSecret(folder, 'redis-password'), first);
    assert.equal((await stat(join(folder, 'redis-password'))).mode & 0o777, 0o600);
  }));
