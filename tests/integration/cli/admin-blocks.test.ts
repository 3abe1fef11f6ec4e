import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createApiKey } from '../../../core/identity/api-key.ts';
import { RegistryStore } from '../../../platform/postgres/registry-store.ts';
import { eventually } from '../../support/eventually.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { startProgram } from '../../support/process.ts';
import { readDevice } from '../../support/projecting.ts';
import { send, withField, type RawRequest } from '../../support/raw-http.ts';
import { startIngestHere } from '../../support/running-ingest.ts';
import { SignedDevice } from '../../support/signed-device.ts';
import { startWorkerProcess } from '../../support/worker-process.ts';
import { openWorkerStores, type WorkerStores } from '../../support/worker-stores.ts';

const EFFECTIVE_WITHIN_MS = 2000;

/** Exit code and last line of the standard output. */
async function admin(stores: WorkerStores, ...args: readonly string[]): Promise<readonly [number | null, string]> {
  const settings = { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.server.url };
  await using started = await startProgram('scripts/admin.js', args, settings);
  const { code } = await started.running.exited;
  return [code, started.running.result];
}

interface Blocked {
  readonly networks: readonly {
    readonly network: string;
    readonly reason: string | null;
    readonly expires_at: string | null;
  }[];
  readonly sources: readonly { readonly address: string; readonly claimant: string | null }[];
}

async function listBlocked(stores: WorkerStores): Promise<Blocked> {
  const [code, json] = await admin(stores, 'blocked', '--json');
  assert.equal(code, 0);
  return JSON.parse(json) as Blocked;
}

test('operators block networks and end blocks, theirs and those of ingest, and every step is in security_events', async () => {
  await using stores = await openWorkerStores();
  await using worker = await startWorkerProcess(stores.server.url, stores.databaseUrl);
  await eventually(async () => assert.equal((await fetch(`${worker.adminUrl}/readyz`)).status, 200));
  await using ingest = await startIngestHere(stores.server.url, {
    TELLTALE_INGEST_TRUSTED_PROXIES: '127.0.0.0/8',
    TELLTALE_INGEST_BLOCK_AFTER: '5',
  });
  const device = new SignedDevice('dev-1');
  await new RegistryStore(stores.database).registerDevices([device.registration()]);
  const ask = (address: string, request: RawRequest = device.request()) =>
    send(ingest.port, withField(request, 'X-Forwarded-For', address));
  await eventually(async () => assert.notEqual(await readDevice(stores, device.id), undefined));
  await eventually(async () => assertAccepted(await ask('198.51.100.7'), 1));

  assert.equal((await admin(stores, 'block', '198.51.100.0/24', '--for', '1h', '--reason', 'scans'))[0], 0);
  await eventually(async () => assert.equal((await ask('198.51.100.7')).status, 403), EFFECTIVE_WITHIN_MS);
  const refused = await ask('198.51.100.7');
  assertProblem(refused, 403, 'blocked');
  assert.ok(Number(refused.headers.get('retry-after')) > 3500);
  assertProblem(await ask('198.51.100.9', device.request({ apiKey: 'tt_unknown' })), 403, 'blocked');
  assertAccepted(await ask('198.51.101.7'), 1);
  const [block] = (await listBlocked(stores)).networks;
  assert.deepEqual([block?.network, block?.reason], ['198.51.100.0/24', 'scans']);
  const leftMs = Date.parse(block?.expires_at ?? '') - Date.now();
  assert.ok(leftMs > 3_500_000 && leftMs <= 3_600_000, `${leftMs} ms are left`);

  assert.equal((await admin(stores, 'unblock', '198.51.100.7'))[0], 1, 'a part of a blocked network');
  assert.equal((await admin(stores, 'unblock', '198.51.100.0/24'))[0], 0);
  await eventually(async () => assertAccepted(await ask('198.51.100.7'), 1), EFFECTIVE_WITHIN_MS);

  assert.equal((await admin(stores, 'block', '198.51.100.7', '--for', '1s'))[0], 0);
  await eventually(async () => assert.deepEqual((await listBlocked(stores)).networks, []), 5000);
  await eventually(async () => assertAccepted(await ask('198.51.100.7'), 1), EFFECTIVE_WITHIN_MS);

  const apiKeys: string[] = [];
  const guess = (): RawRequest => {
    const { text } = createApiKey(randomBytes);
    apiKeys.push(text);
    return device.request({ apiKey: text });
  };
  await eventually(async () => assert.equal((await ask('203.0.113.5', guess())).status, 403));
  assert.deepEqual(
    (await listBlocked(stores)).sources.map(({ address, claimant }) => [address, claimant]),
    [['203.0.113.5', null]],
  );
  assert.equal((await admin(stores, 'unblock', '203.0.113.0/24'))[0], 0);
  await eventually(async () => assertAccepted(await ask('203.0.113.5'), 1), EFFECTIVE_WITHIN_MS);
  assert.deepEqual(await listBlocked(stores), { networks: [], sources: [] });

  for (const args of [
    ['block', 'nobody'],
    ['block', '10.0.0.1/8'],
    ['block', '0.0.0.0/0'],
    ['block', '10.0.0.0/8', '--for', '0s'],
    ['block', '10.0.0.0/8', '--reason', 'two\nlines'],
    ['unblock', '10.0.0.0/8'],
  ]) {
    assert.equal((await admin(stores, ...args))[0], 1, args.join(' '));
  }
  assert.equal((await admin(stores, 'block', '0.0.0.0/0', '--force'))[0], 0);
  await eventually(async () => assert.equal((await ask('192.0.2.1')).status, 403), EFFECTIVE_WITHIN_MS);

  await eventually(async () => {
    const { rows } = await stores.database.query<{ kind: string; address: string }>(
      'SELECT DISTINCT kind, address::text FROM security_events ORDER BY kind, address',
    );
    assert.deepEqual(
      rows.map(({ kind, address }) => `${kind} ${address}`),
      [
        'api-key-unknown 203.0.113.5/32',
        'operator-blocked 0.0.0.0/0',
        'operator-blocked 198.51.100.0/24',
        'operator-blocked 198.51.100.7/32',
        'operator-unblocked 198.51.100.0/24',
        'operator-unblocked 203.0.113.5/32',
        'source-blocked 203.0.113.5/32',
      ],
    );
  }, 15_000);
  const { rows } = await stores.database.query<{ text: string }>(
    `SELECT (to_jsonb(e) - 'at' - 'stored_at' - 'id')::text AS text FROM security_events e`,
  );
  const text = rows.map((row) => row.text).join('\n');
  for (const secret of [...apiKeys, device.apiKey.text, '0.42', 'pga']) assert.equal(text.includes(secret), false);
});
