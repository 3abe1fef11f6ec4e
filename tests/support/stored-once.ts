import assert from 'node:assert/strict';
import { readLedger } from '../../scripts/audit/ledger.ts';
import { assertNoStack } from './assert-nothing-unusual.ts';
import { eventually } from './eventually.ts';
import type { TestPlatform } from './platform.ts';
import type { FleetOutcome, SimulatedFleet } from './simulated-fleet.ts';
import { loadExpected } from './stored-as-expected.ts';

/** What was acknowledged to the fleet is stored, once and with the value that was sent; nothing else is, the rollups say the same, and nothing was refused. */
export async function assertStoredOnce(
  platform: TestPlatform,
  fleet: SimulatedFleet,
  { summary, exitCode, lines }: FleetOutcome,
): Promise<void> {
  assert.equal(exitCode, 0, [...lines, JSON.stringify(summary)].join('\n'));
  assertNoStack('firmware-sim', lines);
  await using expected = await loadExpected(platform.stores.databaseUrl, readLedger(fleet.ledgerPath));
  await eventually(async () => {
    const nothingElse = { missing: 0, unexpected: 0, different: 0 };
    assert.deepEqual(await expected.compare(), { stored: summary.accepted, ...nothingElse });
  });
  await expected.assertRollupsAgree();
}
