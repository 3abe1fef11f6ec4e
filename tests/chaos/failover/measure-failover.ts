import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext } from '../../../scripts/bench/bench.ts';
import { compareAlerts } from '../audit/compare-alerts.ts';
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
  /** Acknowledged readings without the transition that they had to cause, of both kinds together. */
  readonly alerts_missed: number;
  /** What else must not be. */
  readonly problems: readonly string[];
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
  let [acknowledged, stored, lost, lostBehind, alertsMissed] = [0, 0, 0, 0, 0];
  const problems: string[] = [];
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
    problems.push(...(await matrix.drain()), ...stack.takeProblems());
    const { readings, rejected } = load.ledger;
    const verdict = await compareReadings(stack.databaseUrl, readings);
    const { missed } = await compareAlerts(stack.databaseUrl, readings);
    alertsMissed += missed;
    for (const [code, packs] of rejected) problems.push(`${packs} packs were refused for good: ${code}`);
    if (verdict.altered + verdict.duplicated > 0) {
      problems.push(`${verdict.altered} readings altered, ${verdict.duplicated} counted wrongly`);
    }
    acknowledged += verdict.acknowledged;
    stored += verdict.stored;
    if (behindMs === 0) lost += verdict.lost;
    else lostBehind += verdict.lost;
  }
  return {
    ...{ wait_replicas: waitReplicas, acknowledged, stored, lost, lost_behind: lostBehind },
    ...{ behind_s: BEHIND_MS / 1000, alerts_missed: alertsMissed, problems },
  };
}

/** What is lost although it was waited for must not be. */
export function isFailoverSafe(report: FailoverReport): boolean {
  const { wait_replicas: replicas, acknowledged, lost, lost_behind: behind, alerts_missed: missed, problems } = report;
  return acknowledged > 0 && problems.length === 0 && (replicas === 0 || lost + behind + missed === 0);
}

export function formatFailover(report: FailoverReport): string {
  const { wait_replicas: replicas, acknowledged, lost, lost_behind: behind, behind_s: behindS } = report;
  return (
    `WAIT ${replicas}: of ${acknowledged} acknowledged readings ${lost} lost when a master was killed, ` +
    `${behind} when its replica was ${behindS} s behind; ${report.alerts_missed} alerts missed` +
    report.problems.map((problem) => `\n  problem: ${problem}`).join('')
  );
}
