import type { AttackTally } from '../attack/attack-tally.ts';
import type { RunSummary } from './summary.ts';
import type { Tally } from './tally.ts';

export function formatSummary(summary: RunSummary): string {
  const { p50, p90, p99, max } = summary.latency_ms;
  const rows: (readonly [label: string, text: string])[] = [
    [summary.scenario, `${summary.devices} devices, ${summary.duration_s.toFixed(1)} s`],
    [
      'packs',
      `${summary.packs_sent} sent, ${summary.packs_accepted} accepted, ${summary.packs_already_delivered} already delivered`,
    ],
    [
      'readings',
      `${summary.accepted} accepted, ${summary.rejected} rejected, ${summary.unacknowledged} unacknowledged, ${summary.dropped} dropped`,
    ],
    ...(summary.attacks_sent === 0
      ? []
      : [
          [
            'attacks',
            `${summary.attacks_sent} sent, ${summary.attacks_accepted} accepted; ${summary.honest_accepted} of ${summary.honest_sent} honest accepted; ${summary.unexpected} answers not as required`,
          ] as const,
        ]),
    ...rowOfCounts('rejected', summary.by_code),
    ...rowOfCounts('sent again', summary.sent_again),
    ['latency', `p50 ${ms(p50)}, p90 ${ms(p90)}, p99 ${ms(p99)}, max ${ms(max)}`],
    ...summary.quakes.map(
      (quake) =>
        [
          'quake',
          `${new Date(quake.origin_ms).toISOString()} M ${quake.magnitude} at ${quake.lat}, ${quake.lon}, ${quake.depth_km} km deep`,
        ] as const,
    ),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join('');
}

interface ExplainedParts {
  readonly tally: Tally;
  readonly attackTally: AttackTally;
  readonly url: URL;
}

/** What the person at the terminal should know beyond the numbers; undefined when there is nothing. */
export function explainFailure(summary: RunSummary, { tally, attackTally, url }: ExplainedParts): string | undefined {
  if (tally.answers === 0 && tally.lastSilence !== undefined) {
    return `nothing answered at ${url.origin} in ${Math.round(summary.duration_s)} s (${tally.lastSilence}): start the platform with npm start, or give its address with --url`;
  }
  if ((tally.rejectedByCode.get('unauthorized') ?? 0) > 0) {
    return `the platform at ${url.origin} does not know this fleet: register it with npm run admin -- fleet <the file of firmware-sim manifest --out>`;
  }
  if (summary.unacknowledged > 0) {
    const why =
      tally.lastSilence === undefined
        ? 'give the platform longer with --drain'
        : `the platform at ${url.origin} no longer answers (${tally.lastSilence})`;
    return `${summary.unacknowledged} readings had no outcome when the run ended: ${why}`;
  }
  if (attackTally.surprises.size > 0) {
    const surprises = [...attackTally.surprises].map(([what, count]) => `${what} (${count})`).join(', ');
    return `the platform at ${url.origin} did not answer attacks as it must: ${surprises}`;
  }
  return undefined;
}

function rowOfCounts(label: string, counts: Readonly<Record<string, number>>): (readonly [string, string])[] {
  const entries = Object.entries(counts);
  return entries.length === 0 ? [] : [[label, entries.map(([name, count]) => `${name} ${count}`).join(', ')]];
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
