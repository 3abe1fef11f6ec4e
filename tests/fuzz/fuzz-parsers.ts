import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Finding, FuzzTarget } from './fuzz-target.ts';

/** So many inputs of one seed: few enough to hear a request to stop, and to come back to a finding within a second. */
export const CASES_OF_A_SEED = 1000;

export interface FuzzRun {
  /** Of each parser. */
  readonly cases: number;
  /** The first; each thousand cases takes the next one. */
  readonly seed: number;
  readonly stop: AbortSignal;
  /** Called when a parser is done. */
  readonly onDone?: (name: string, cases: number, findings: number) => void;
}

export interface FuzzResult {
  /** Cases by parser. */
  readonly parsers: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** Feeds each parser until it is done or has failed. */
export async function fuzzParsers(targets: readonly FuzzTarget[], run: FuzzRun): Promise<FuzzResult> {
  const parsers: Record<string, number> = {};
  const findings: Finding[] = [];
  for (const target of targets) {
    const before = findings.length;
    let done = 0;
    while (done < run.cases && findings.length === before && !run.stop.aborted) {
      const cases = Math.min(CASES_OF_A_SEED, run.cases - done);
      const finding = target.fuzz((run.seed + done / CASES_OF_A_SEED) % 2 ** 31, cases);
      if (finding !== undefined) findings.push(finding);
      done += cases;
      // What a parser left behind, such as a promise that is rejected, gets its turn.
      await nextTurn();
    }
    parsers[target.name] = done;
    run.onDone?.(target.name, done, findings.length - before);
  }
  return { parsers, findings };
}
