import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { medianOf } from '../median.ts';
import { createBenchFleet } from '../load/bench-fleet.ts';
import { reportIngest } from './ingest-report.ts';
import { measureIngest, type LoadPlan } from './measure-ingest.ts';
import { loadBenchedConfig } from '../load/private-ingest.ts';
import { VerifyRate } from './verify-rate.ts';

const CONNECTIONS = 64;
const DEVICES = 1000;
/** Long enough for every device's key to be imported and for the code to be compiled. */
const WARM_UP_MS = 3000;
const WINDOW_MS = 10_000;
const VERIFY_SAMPLE_S = 3;
/** One event loop without verification reaches 42,000 requests a second; so many are signed at most, 600 bytes each. */
const MOST_PER_EVENT_LOOP = 45_000;

async function runIngestBench(context: BenchContext): Promise<BenchReport> {
  const { stop, say } = context;
  const config = loadBenchedConfig();
  const devices = createBenchFleet(DEVICES);
  const [first] = devices;
  if (first === undefined) throw new Error('a fleet without a device');
  const verifyRate = new VerifyRate(first, Date.now());
  say(`measuring one core's verify rate`);
  const samples = await verifyRate.sample(VERIFY_SAMPLE_S, stop);
  const plan: LoadPlan = {
    devices,
    shardCount: config.TELLTALE_SHARDS,
    connections: CONNECTIONS,
    warmUpMs: WARM_UP_MS,
    windowMs: WINDOW_MS,
    mostPerS: Math.min(MOST_PER_EVENT_LOOP, Math.max(...samples) * config.TELLTALE_INGEST_VERIFY_THREADS),
  };
  const everysec = await measureIngest('everysec', plan, context);
  samples.push(...(await verifyRate.sample(VERIFY_SAMPLE_S, stop)));
  const always = await measureIngest('always', plan, context);
  samples.push(...(await verifyRate.sample(VERIFY_SAMPLE_S, stop)));
  return reportIngest({ always, everysec, verifyPerS: medianOf(samples) });
}

export const ingestBench: Bench = {
  name: 'ingest',
  description: 'signed readings from request to durable log, against the verify rate of one core',
  run: runIngestBench,
};
