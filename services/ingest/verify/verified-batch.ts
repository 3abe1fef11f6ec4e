import type { PackMetric, Verification } from './envelope.ts';

type Refused = Extract<Verification, { kind: 'refused' }>;

/** What became of a batch of envelopes, in columns as the batch itself, for the same reason: this crosses a thread. */
export interface VerifiedBatch {
  /** By position; nearly always there is none. */
  readonly refused: ReadonlyMap<number, Refused>;
  /** The other columns have an element for each that was not refused, in order. */
  readonly pack: readonly string[];
  readonly readings: readonly number[];
  /** How many elements of the last two columns each has. */
  readonly metrics: readonly number[];
  readonly metricName: readonly string[];
  readonly metricUnit: readonly (string | null)[];
}

export function toColumns(verifications: readonly Verification[]): VerifiedBatch {
  const refused = new Map<number, Refused>();
  const pack: string[] = [];
  const readings: number[] = [];
  const metrics: number[] = [];
  const metricName: string[] = [];
  const metricUnit: (string | null)[] = [];
  for (const [position, verification] of verifications.entries()) {
    if (verification.kind === 'refused') {
      refused.set(position, verification);
      continue;
    }
    pack.push(verification.pack);
    readings.push(verification.readings);
    metrics.push(verification.metrics.length);
    for (const { name, unit } of verification.metrics) {
      metricName.push(name);
      metricUnit.push(unit);
    }
  }
  return { refused, pack, readings, metrics, metricName, metricUnit };
}

export function fromColumns(batch: VerifiedBatch): Verification[] {
  const verifications: Verification[] = [];
  let row = 0;
  let metric = 0;
  for (let position = 0; position < batch.pack.length + batch.refused.size; position += 1) {
    const refused = batch.refused.get(position);
    if (refused !== undefined) {
      verifications.push(refused);
      continue;
    }
    const metrics: PackMetric[] = [];
    for (let count = batch.metrics[row] ?? 0; count > 0; count -= 1) {
      metrics.push({ name: batch.metricName[metric] ?? '', unit: batch.metricUnit[metric] ?? null });
      metric += 1;
    }
    verifications.push({ kind: 'verified', pack: batch.pack[row] ?? '', readings: batch.readings[row] ?? 0, metrics });
    row += 1;
  }
  return verifications;
}
