import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { createBenchFleet } from '../load/bench-fleet.ts';
import { loadBenchedConfig } from '../load/private-ingest.ts';
import { WARM_UP_MS } from '../load/warm-up.ts';
import { BenchedIngest, type LoadPlan } from './benched-ingest.ts';
import { reportIngest } from './ingest-report.ts';
import { VerifyRate } from './verify-rate.ts';

const CONNECTIONS = 64;
const DEVICES = 1000;
/**
 * A machine that is shared changes its speed by a third from one minute to the next. What is compared is therefore measured
 * in turns: a fast stretch and a slow one are then part of all figures.
 */
const ROUNDS = 6;
const WINDOW_MS = 2000;
/** Until the connections are open and out of step. */
const LATER_WARM_UP_MS = 500;
const VERIFY_SAMPLE_MS = 500;
/** One event loop without verification reaches 42,000 requests a second; so many are signed at most, 600 bytes each. */
const MOST_PER_EVENT_LOOP = 45_000;

async function runIngestBench(context: BenchContext): Promise<BenchReport> {
  const { stop, say } = context;
  const config = loadBenchedConfig();
  const devices = createBenchFleet(DEVICES);
  const [first] = devices;
  if (first === undefined) throw new Error('a fleet without a device');
  const verifyRate = new VerifyRate(first, Date.now());
  verifyRate.sample(VERIFY_SAMPLE_MS);
  const plan: LoadPlan = { devices, shardCount: config.TELLTALE_SHARDS, connections: CONNECTIONS };
  await using everysec = await BenchedIngest.open('everysec', plan, context);
  await using always = await BenchedIngest.open('always', plan, context);
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(
      `round ${round} of ${ROUNDS}: verifying on one core, then appendfsync everysec and always, ${WINDOW_MS / 1000} s each`,
    );
    for (const benched of round % 2 === 0 ? [always, everysec] : [everysec, always]) {
      const window = {
        warmUpMs: round === 1 ? WARM_UP_MS : LATER_WARM_UP_MS,
        windowMs: WINDOW_MS,
        mostPerS: Math.min(MOST_PER_EVENT_LOOP, verifyRate.highestPerS * config.TELLTALE_INGEST_VERIFY_THREADS),
      };
      const requests = await benched.sign(window);
      stop.throwIfAborted();
      verifyRate.sample(VERIFY_SAMPLE_MS);
      await benched.load(requests, window);
    }
  }
  return reportIngest({
    always: await always.measurement(),
    everysec: await everysec.measurement(),
    verifyPerS: verifyRate.perS,
  });
}

export const ingestBench: Bench = {
  name: 'ingest',
  description: 'signed readings from request to durable log, against the verify rate of one core',
  run: runIngestBench,
};
