import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { startProgram } from '../support/process.ts';

const faultsSchema = z.array(
  z.object({
    fault: z.string(),
    ...{
      acknowledged: z.int().positive(),
      stored: z.int().positive(),
      lost: z.int(),
      duplicated: z.int(),
      altered: z.int(),
    },
    ...{ unavailable_s: z.number(), recovered_s: z.number() },
  }),
);
const TOTALS = { lost: 0, duplicated: 0, altered: 0, alerts_missed: 0, alerts_doubled: 0 };

async function runChaos(...args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  await using program = await startProgram('tests/chaos/chaos.js', [...args, '--json'], {});
  const { running } = program;
  const { code } = await running.exited;
  assert.equal(code, 0, running.lastLines().join('\n'));
  const report: unknown = JSON.parse(running.result);
  assert.ok(typeof report === 'object' && report !== null);
  return { ...report };
}

test('a platform whose workers are all killed under load loses nothing, and the harness says so', async () => {
  const { faults, ...report } = await runChaos('--only', 'kill-every-worker', '--quick');
  assert.deepEqual(report, { ...TOTALS, seed: 1, problems: [], skipped: {} });
  const [fault, ...others] = faultsSchema.parse(faults);
  assert.deepEqual([fault?.fault, fault?.lost, others.length], ['kill-every-worker', 0, 0]);
});

test('the harness can lose: a power cut takes all from a Redis that never syncs', async () => {
  const never = await runChaos('--power-cut', 'no', '--quick');
  assert.ok(Number(never.lost) > 100, JSON.stringify(never));
});
