import type { AttackTally } from '../attack/attack-tally.ts';
import type { PackSource } from '../pack-source.ts';
import type { Quake } from '../ground-motion/quake.ts';
import type { Latency, Tally } from './tally.ts';

/** The last line of `--json`. Everything that is not named packs counts readings. */
export interface RunSummary {
  readonly scenario: string;
  readonly devices: number;
  readonly duration_s: number;
  readonly packs_sent: number;
  readonly packs_accepted: number;
  readonly packs_already_delivered: number;
  /** Acknowledged, by a 202 or by what a lost 202 leaves behind. */
  readonly accepted: number;
  readonly rejected: number;
  /** What was refused: readings of devices, requests of attackers. */
  readonly by_code: Readonly<Record<string, number>>;
  /** Packs of the devices, and what a flood has a right to send. */
  readonly honest_sent: number;
  readonly honest_accepted: number;
  /** Requests that the platform must refuse. */
  readonly attacks_sent: number;
  readonly attacks_accepted: number;
  /** Final answers that are not the required one, to devices and attackers. */
  readonly unexpected: number;
  readonly unacknowledged: number;
  /** Never sent, because an outbox was full. */
  readonly dropped: number;
  /** Envelopes that were sent or signed again, by reason. */
  readonly sent_again: Readonly<Record<string, number>>;
  readonly latency_ms: Latency;
  readonly quakes: readonly QuakeSummary[];
}

interface QuakeSummary {
  readonly origin_ms: number;
  readonly lat: number;
  readonly lon: number;
  readonly depth_km: number;
  readonly magnitude: number;
}

export interface SummaryParts {
  readonly source: PackSource;
  readonly tally: Tally;
  readonly attackTally: AttackTally;
  readonly devices: number;
  readonly durationS: number;
  readonly unacknowledged: number;
  readonly nowMs: number;
}

export function summarise(parts: SummaryParts): RunSummary {
  const { source, tally, attackTally, devices, durationS, unacknowledged, nowMs } = parts;
  const { withinAllowance } = attackTally;
  return {
    scenario: source.name,
    devices,
    duration_s: Math.round(durationS * 1000) / 1000,
    packs_sent: tally.packsSent,
    packs_accepted: tally.packsAccepted,
    packs_already_delivered: tally.packsAlreadyDelivered,
    accepted: tally.acceptedReadings,
    rejected: tally.rejectedReadings,
    by_code: addCounts(tally.rejectedByCode, attackTally.byCode),
    honest_sent: tally.packsSent + withinAllowance,
    honest_accepted: tally.packsAccepted + tally.packsAlreadyDelivered + withinAllowance,
    attacks_sent: attackTally.sent,
    attacks_accepted: attackTally.accepted,
    unexpected: attackTally.unexpected + tally.packsRejected,
    unacknowledged,
    dropped: tally.overflowedReadings,
    sent_again: Object.fromEntries(tally.sentAgainByReason),
    latency_ms: tally.latencyMs,
    quakes: source.quakesUntil(nowMs).map(summariseQuake),
    ...source.details,
  };
}

/** Everything that was measured arrived, and nothing that an attacker sent. */
export function isSuccess(summary: RunSummary): boolean {
  const { accepted, rejected, unacknowledged, dropped } = summary;
  const honestArrived = accepted > 0 && rejected === 0 && unacknowledged === 0 && dropped === 0;
  const { honest_sent, honest_accepted, attacks_accepted, unexpected } = summary;
  return honestArrived && honest_accepted === honest_sent && attacks_accepted === 0 && unexpected === 0;
}

function addCounts(...counts: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((map) => [...map])) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function summariseQuake({ originMs, lat, lon, depthKm, magnitude }: Quake): QuakeSummary {
  return {
    origin_ms: originMs,
    lat: round(lat, 4),
    lon: round(lon, 4),
    depth_km: round(depthKm, 1),
    magnitude: round(magnitude, 2),
  };
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
