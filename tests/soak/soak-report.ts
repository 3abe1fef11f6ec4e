import type { ProcessFigures } from './inspected-process.ts';

/** What one process had at each look, oldest first. */
export type Series = readonly ProcessFigures[];

export interface ProcessReport {
  /** Means over the second and the last quarter of the run, bytes after a forced collection. */
  readonly heap_second_quarter: number;
  readonly heap_last_quarter: number;
  /** last / second */
  readonly growth: number;
  /** Kinds of resources of which the last quarter always had more than the second ever, with how many more. */
  readonly leaks: Readonly<Record<string, number>>;
}

/** The last line of `npm run soak -- --json`. */
export interface SoakReport {
  readonly minutes: number;
  /** Packs a second: what this machine did, and what it was given. */
  readonly machine_per_s: number;
  readonly packs_per_s: number;
  readonly acknowledged: number;
  readonly highest_backlog: number;
  readonly processes: Readonly<Record<string, ProcessReport>>;
  readonly problems: readonly string[];
}

export const MOST_GROWTH = 1.05;

export function reportProcess(series: Series): ProcessReport {
  const [second, last] = [quarter(series, 1), quarter(series, 3)];
  const heapOf = (looks: Series): number => Math.round(mean(looks.map(({ heapUsed }) => heapUsed)));
  const [before, after] = [heapOf(second), heapOf(last)];
  const kinds = new Set(last.flatMap(({ resources }) => Object.keys(resources)));
  const leaks = [...kinds].flatMap((kind) => {
    // More in every look than in any before: how many timers there are at a moment is chance.
    const counts = (looks: Series): number[] => looks.map(({ resources }) => resources[kind] ?? 0);
    const more = Math.min(...counts(last)) - Math.max(...counts(second));
    return more > 0 ? [[kind, more] as const] : [];
  });
  return {
    heap_second_quarter: before,
    heap_last_quarter: after,
    growth: Math.round((after / before) * 1000) / 1000,
    leaks: Object.fromEntries(leaks),
  };
}

/** What is wrong with it; empty when it is flat. */
export function judgeProcess(name: string, { growth, leaks }: ProcessReport): string[] {
  return [
    ...(growth > MOST_GROWTH ? [`the heap of ${name} has grown to ${growth} of what it was`] : []),
    ...Object.entries(leaks).map(([kind, more]) => `${name} has ${more} more of ${kind}`),
  ];
}

function quarter(series: Series, index: number): Series {
  return series.slice(Math.floor((series.length * index) / 4), Math.floor((series.length * (index + 1)) / 4));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
