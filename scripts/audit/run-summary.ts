/** The last line of `npm start -- --json`: readings of this run, as its simulated fleet saw them. */
export interface RunSummary {
  /** Acknowledged readings. */
  readonly accepted: number;
  /** Distinct acknowledged (device, metric, time) in the database. */
  readonly stored: number;
  /** Acknowledged readings whose key had been acknowledged before. */
  readonly duplicates: number;
  readonly rejected: number;
  /** Transitions that raised an alert. */
  readonly alerts: number;
  /** Alert frames that a WebSocket client received. */
  readonly delivered: number;
  /** Acknowledged keys that are not in the database. */
  readonly lost: number;
}

export interface Expectations {
  /** The run was long enough to have to accept readings. */
  readonly readings: boolean;
  /** The run was long enough for its quake to have raised an alert. */
  readonly alerts: boolean;
}

/** What is wrong with the run; empty when nothing is. */
export function judgeRun(summary: RunSummary, expected: Expectations): readonly string[] {
  const problems: string[] = [];
  if (summary.lost > 0) problems.push(`${summary.lost} acknowledged readings are not in the database`);
  if (summary.stored + summary.duplicates !== summary.accepted) {
    problems.push(`stored ${summary.stored} + duplicates ${summary.duplicates} is not accepted ${summary.accepted}`);
  }
  if (expected.readings && summary.accepted === 0) problems.push('no reading was accepted');
  if (expected.alerts && summary.alerts === 0) problems.push('the quake raised no alert');
  if (expected.alerts && summary.delivered === 0) problems.push('no alert reached the WebSocket client');
  return problems;
}
