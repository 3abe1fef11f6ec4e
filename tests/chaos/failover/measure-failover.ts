import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext } from '../../../scripts/bench/bench.ts';
import { compareReadings } from '../audit/compare-readings.ts';
import { Matrix } from '../run-matrix.ts';
import { ClusterMember } from '../stack/cluster-redis.ts';

/** The last line of `npm run chaos -- --failover <replicas> --json`. Readings. */
export interface FailoverReport {
  /** That ingest waited for before it acknowledged. */
  readonly wait_replicas: number;
  readonly acknowledged: number;
  readonly stored: number;
  /** A master was killed. */
  readonly lost: number;
  /** A master was killed whose replica had heard nothing from it for `behind_s`. */
  readonly lost_behind: number;
  readonly behind_s: number;
}

/** Of each kind, so that every master has its turn. */
const ROUNDS = 3;
const BEFORE_MS = 3000;
/** Less than what the cluster takes for a failure. */
const BEHIND_MS = 1000;
const AFTER_MS = 2000;

/** Acknowledged readings that the failover of a master to its replica takes, without and with waiting for the replica. */
export async function measureFailover(
  waitReplicas: number,
  random: () => number,
  context: BenchContext,
): Promise<FailoverReport> {
  let [acknowledged, stored, lost, lostBehind] = [0, 0, 0, 0];
  // A platform each, because what one has lost is missing to the end.
  for (const behindMs of [0, BEHIND_MS]) {
    const folder = join(context.folder, `behind-${behindMs}`);
    await mkdir(folder);
    await using matrix = await Matrix.open({ random, cluster: { waitReplicas } }, { ...context, folder });
    const { stack, load } = matrix;
    const { member } = stack.redis;
    if (!(member instanceof ClusterMember)) throw new Error('the Redis of this platform is no cluster');
    load.start();
    for (let round = 0; round < ROUNDS; round += 1) {
      await delay(BEFORE_MS + random() * 1000);
      await member.killBehind(behindMs);
      await member.start();
    }
    await delay(AFTER_MS);
    await load.stop();
    const problems = await matrix.drain();
    if (problems.length > 0) throw new Error(problems.join('; '));
    const verdict = await compareReadings(stack.databaseUrl, load.ledger.readings);
    acknowledged += verdict.acknowledged;
    stored += verdict.stored;
    if (behindMs === 0) lost += verdict.lost;
    else lostBehind += verdict.lost;
  }
  return {
    ...{ wait_replicas: waitReplicas, acknowledged, stored, lost, lost_behind: lostBehind },
    behind_s: BEHIND_MS / 1000,
  };
}

/** What is lost although it was waited for must not be. */
export function isFailoverSafe({
  wait_replicas: replicas,
  acknowledged,
  lost,
  lost_behind: behind,
}: FailoverReport): boolean {
  return acknowledged > 0 && (replicas === 0 || lost + behind === 0);
}

export function formatFailover(report: FailoverReport): string {
  const { wait_replicas: replicas, acknowledged, lost, lost_behind: behind, behind_s: behindS } = report;
  return (
    `WAIT ${replicas}: of ${acknowledged} acknowledged readings ${lost} lost when a master was killed, ` +
    `${behind} when its replica was ${behindS} s behind`
  );
}
