import { CommandFailure } from '../process/failure.ts';
import type { Bench } from './bench.ts';
import { alertLatencyBench } from './alerts/alert-latency-bench.ts';
import { detectionBench } from './detection/detection-bench.ts';
import { detectionLiveBench } from './detection/detection-live-bench.ts';
import { detectionRealBench } from './detection/detection-real-bench.ts';
import { fanOutBench } from './fan-out/fan-out-bench.ts';
import { ingestBench } from './ingest/ingest-bench.ts';
import { mqttBench } from './mqtt/mqtt-bench.ts';
import { limitsBench } from './limits/limits-bench.ts';
import { persistBench } from './persist/persist-bench.ts';
import { rulesBench } from './rules/rules-bench.ts';
import { unitCostBench } from './unit-cost/unit-cost-bench.ts';

export const BENCHES: readonly Bench[] = [
  ingestBench,
  limitsBench,
  mqttBench,
  persistBench,
  detectionBench,
  detectionRealBench,
  detectionLiveBench,
  alertLatencyBench,
  rulesBench,
  fanOutBench,
  unitCostBench,
];

export function findBench(name: string | undefined): Bench {
  const found = BENCHES.find((bench) => bench.name === name);
  if (found !== undefined) return found;
  const known = BENCHES.map((bench) => bench.name).join(', ');
  throw new CommandFailure(
    name === undefined ? `Name a bench. One of: ${known}` : `There is no bench "${name}". One of: ${known}`,
  );
}
