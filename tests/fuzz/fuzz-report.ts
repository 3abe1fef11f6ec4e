import { CASES_OF_A_SEED, type FuzzResult } from './fuzz-parsers.ts';
import type { Finding } from './fuzz-target.ts';

/** A million and a half inputs, some of them as large as a message may be, took 570 MB; a parser that keeps them takes more. */
export const MAX_RSS_MB = 1024;

/** The JSON line. */
export interface FuzzReport {
  readonly cases: number;
  /** Cases by parser. */
  readonly parsers: Readonly<Record<string, number>>;
  readonly failures: number;
  readonly seed: number;
  readonly peak_rss_mb: number;
}

export function reportFuzz({ parsers, findings }: FuzzResult, seed: number, peakRssMb: number): FuzzReport {
  const cases = Object.values(parsers).reduce((sum, count) => sum + count, 0);
  const tooLarge = peakRssMb > MAX_RSS_MB ? 1 : 0;
  return { cases, parsers, failures: findings.length + tooLarge, seed, peak_rss_mb: peakRssMb };
}

export function formatFinding({ parser, seed, cases, counterexample, problem }: Finding): string {
  const count = cases === CASES_OF_A_SEED ? '' : ` of ${cases} cases`;
  return [
    `${parser} fails${count}:`,
    `  input   ${counterexample}`,
    `  problem ${problem.split('\n').join('\n          ')}`,
    `  repeat  npm run fuzz -- --only ${parser} --seed ${seed} --cases ${cases}`,
  ].join('\n');
}
