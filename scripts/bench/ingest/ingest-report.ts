import type { BenchReport } from '../bench.ts';
import type { IngestMeasurement } from './benched-ingest.ts';

export interface IngestFigures {
  readonly always: IngestMeasurement;
  readonly everysec: IngestMeasurement;
  readonly verifyPerS: number;
}

/** Of one core's verify rate. Ingest, verify threads, Redis and the load share the machine. */
const BARS = { always: 0.5, everysec: 0.6 } as const;

export function reportIngest({ always, everysec, verifyPerS }: IngestFigures): BenchReport {
  const ratios = { always: always.acceptedPerS / verifyPerS, everysec: everysec.acceptedPerS / verifyPerS };
  return {
    fields: {
      accepted_per_s: Math.round(always.acceptedPerS),
      p50_ms: round(always.p50Ms),
      p99_ms: round(always.p99Ms),
      ratio: round(ratios.always),
      accepted_per_s_everysec: Math.round(everysec.acceptedPerS),
      ratio_everysec: round(ratios.everysec),
      verify_per_s_one_core: Math.round(verifyPerS),
    },
    lines: [
      '                       accepted/s   p50 ms   p99 ms   ratio    bar',
      describe('appendfsync always', always, ratios.always, BARS.always),
      describe('appendfsync everysec', everysec, ratios.everysec, BARS.everysec),
      `always, window by window: ${always.windowsPerS.map(Math.round).join(', ')} a second`,
      `everysec, the same: ${everysec.windowsPerS.map(Math.round).join(', ')} a second`,
      `node:crypto verifies ${Math.round(verifyPerS)} signatures/s on one core; the ratio is to that.`,
    ],
    problems: [
      ...problemsOf('appendfsync always', always, ratios.always, BARS.always),
      ...problemsOf('appendfsync everysec', everysec, ratios.everysec, BARS.everysec),
    ],
  };
}

function describe(name: string, run: IngestMeasurement, ratio: number, bar: number): string {
  const columns = [
    Math.round(run.acceptedPerS).toString().padStart(11),
    run.p50Ms.toFixed(2).padStart(9),
    run.p99Ms.toFixed(2).padStart(9),
    ratio.toFixed(2).padStart(8),
    bar.toFixed(2).padStart(7),
  ];
  return name.padEnd(22) + columns.join('');
}

function problemsOf(name: string, run: IngestMeasurement, ratio: number, bar: number): string[] {
  const problems = [...run.failures].map(
    ([reason, count]) => `${name}: ${count} requests were not accepted: ${reason}`,
  );
  if (run.entries !== run.accepted) {
    problems.push(`${name}: ${run.accepted} requests were accepted and the streams have ${run.entries} entries`);
  }
  if (!(ratio >= bar)) problems.push(`${name}: ratio ${ratio.toFixed(3)} is below ${bar}`);
  return problems;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
