/** What became of one fault, or of a pair: an entry of the last line of `npm run chaos -- --json`. Readings, but for alerts. */
export interface FaultReport {
  readonly fault: string;
  readonly acknowledged: number;
  readonly stored: number;
  readonly lost: number;
  /** Counted twice in a rollup, or in none. */
  readonly duplicated: number;
  readonly altered: number;
  /** The longest time in which no device, over HTTP or over MQTT, was acknowledged anything. */
  readonly unavailable_s: number;
  /** From the end of the fault until everything measured was acknowledged and stored. */
  readonly recovered_s: number;
  readonly alerts: number;
  readonly alerts_missed: number;
  readonly alerts_doubled: number;
  /** From a probe's reading to the transition that it caused, the longest; it includes the time in which nobody took it. */
  readonly slowest_alert_s: number;
  /** What else must not be. */
  readonly problems: readonly string[];
}

export interface ChaosReport {
  readonly faults: readonly FaultReport[];
  readonly lost: number;
  readonly duplicated: number;
  readonly altered: number;
  readonly alerts_missed: number;
  readonly alerts_doubled: number;
  readonly seed: number;
  /** What was found when everything was compared once more after the last fault. */
  readonly problems: readonly string[];
  /** Faults that cannot be staged on this machine, with the reason. */
  readonly skipped: Readonly<Record<string, string>>;
}

const TOTALS = ['lost', 'duplicated', 'altered', 'alerts_missed', 'alerts_doubled'] as const;

export function reportChaos(
  faults: readonly FaultReport[],
  seed: number,
  skipped: Readonly<Record<string, string>>,
  problems: readonly string[] = [],
): ChaosReport {
  const sum = (field: (typeof TOTALS)[number]): number => faults.reduce((total, fault) => total + fault[field], 0);
  return {
    faults,
    lost: sum('lost'),
    // Each comparison is of the whole store: a defect is found by all that come after it.
    duplicated: Math.max(0, ...faults.map(({ duplicated }) => duplicated)),
    altered: sum('altered'),
    alerts_missed: sum('alerts_missed'),
    alerts_doubled: sum('alerts_doubled'),
    seed,
    problems,
    skipped,
  };
}

/** A run without load proves nothing. */
export function isProven(report: ChaosReport): boolean {
  return (
    report.faults.length > 0 &&
    report.problems.length === 0 &&
    report.faults.every(
      ({ acknowledged, alerts, problems }) => acknowledged > 0 && alerts > 0 && problems.length === 0,
    ) &&
    TOTALS.every((field) => report[field] === 0)
  );
}

const COLUMNS = [
  'acknowledged',
  'stored',
  'lost',
  'duplicated',
  'altered',
  'alerts',
  'alerts_missed',
  'alerts_doubled',
] as const;

export function formatHeader(): string {
  return `| fault | ${COLUMNS.join(' | ')} | slowest alert s | unavailable s | recovered s |\n|${' --- |'.repeat(COLUMNS.length + 4)}`;
}

export function formatFault(report: FaultReport): string {
  const counts = COLUMNS.map((column) => report[column]).join(' | ');
  const row = `| ${report.fault} | ${counts} | ${report.slowest_alert_s} | ${report.unavailable_s} | ${report.recovered_s} |`;
  return [row, ...report.problems.map((problem) => `  problem: ${problem}`)].join('\n');
}
