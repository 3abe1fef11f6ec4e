import type { RunSummary } from '../../../firmware-sim/report/summary.ts';

/** The last line of `npm run stress -- ingest --json`. Everything counts requests, but `by_code` readings of honest packs. */
export interface StressReport {
  readonly sensors: number;
  readonly honest_sent: number;
  readonly honest_accepted: number;
  readonly attacks_sent: number;
  readonly attacks_accepted: number;
  readonly unexpected: number;
  readonly by_code: Readonly<Record<string, number>>;
}

export function reportStress(summary: RunSummary): StressReport {
  const { devices, honest_sent, honest_accepted, attacks_sent, attacks_accepted, unexpected, by_code } = summary;
  return { sensors: devices, honest_sent, honest_accepted, attacks_sent, attacks_accepted, unexpected, by_code };
}

/** A run without load or without attacks proves nothing. */
export function isProven(report: StressReport): boolean {
  const { honest_sent, honest_accepted, attacks_sent, attacks_accepted, unexpected } = report;
  const wasTried = honest_sent > 0 && attacks_sent > 0;
  return wasTried && honest_accepted === honest_sent && attacks_accepted === 0 && unexpected === 0;
}
