import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadAcknowledged } from '../../../scripts/audit/ledger.ts';

async function withLedger<T>(lines: readonly unknown[], use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-ledger-'));
  try {
    const path = join(folder, 'ledger.ndjson');
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const metrics = ['acc_x', 'acc_y'];

test('a key that is acknowledged twice counts twice and is kept once', async () => {
  const lines = [
    {
      device: 'a',
      nonce: 1,
      metrics,
      readings: [
        [0, 100, 0.5],
        [1, 100, 0.6],
      ],
      outcome: 'accepted',
    },
    {
      device: 'a',
      nonce: 2,
      metrics,
      readings: [
        [0, 100, 0.5],
        [0, 101, 0.7],
      ],
      outcome: 'accepted',
    },
  ];
  const acknowledged = await withLedger(lines, loadAcknowledged);
  assert.equal(acknowledged.count, 4);
  assert.equal(acknowledged.distinct, 3);
  assert.deepEqual([...(acknowledged.keys.get('a')?.get('acc_x') ?? [])], [100, 101]);
});

test('the same metric and time of two devices are two keys', async () => {
  const lines = ['a', 'b'].map((device) => ({
    ...{ device, nonce: 1, metrics, readings: [[0, 100, 1]], outcome: 'already-delivered' },
  }));
  assert.equal((await withLedger(lines, loadAcknowledged)).distinct, 2);
});

test('a ledger that this version cannot read is an error, not an empty ledger', async () => {
  await assert.rejects(withLedger([{ device: 'a' }], loadAcknowledged));
  await assert.rejects(
    withLedger([{ device: 'a', metrics: [], readings: [[0, 1, 1]], outcome: 'accepted' }], loadAcknowledged),
    /does not list/,
  );
});
