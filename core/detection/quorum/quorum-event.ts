import { leastSerious, statusOfMany, type CapStatus, type Evidence, type Severity } from '../../alerts/alert.ts';
import { distanceM, type Position } from '../../geo/position.ts';
import type { QuorumRule } from '../rule.ts';
import { estimateOrigin, type Origin } from './origin.ts';
import { votersAmong, Votes, type Listener, type Network, type Trigger } from './trigger.ts';

/** Something that enough devices have noticed. */
export interface QuorumEvent {
  /** Id of its first trigger. */
  readonly subject: string;
  /** One of each device, by onset. */
  readonly members: readonly Trigger[];
  readonly origin?: Origin | undefined;
  /** Arrivals that the origin was estimated from. */
  readonly locatedFrom: number;
  /** By the platform's clock, Unix microseconds. */
  readonly raisedUs: number;
  /** Onset of the newest trigger around, also of what shakes on behind the wave. */
  readonly shookUs: number;
  /** What the last transition said. */
  readonly told: Told;
}

export interface Told {
  readonly severity: Severity;
  readonly voters: number;
  readonly position: Position;
}

export interface QuorumTransition {
  readonly kind: 'raised' | 'updated' | 'cleared' | 'cancelled';
  readonly subject: string;
  readonly severity: Severity;
  /** That k of the votes are agreed on, and no more serious than the rule. */
  readonly status: CapStatus;
  /** Event time, Unix microseconds. */
  readonly atUs: number;
  readonly position: Position;
  /** Of the devices that convinced it. */
  readonly zones: readonly string[];
  readonly evidence: Evidence;
}

/** A device is given this long after the wave to trigger, in seconds. */
const TO_TRIGGER_S = 1;
/** Standard deviation of the onset of a phase in a noisy place, in seconds. */
const ONSET_ERROR_S = 0.4;
/** How far beyond the outermost votes an origin is looked for. */
const REACH_FACTOR = 1.5;
const MOST_EVIDENCE = 64;
/** Of the voters, by distance. */
const MOST_VOTERS = 0.8;

export function locate(rule: QuorumRule, voters: readonly Trigger[], network: Network): Origin | undefined {
  const [first] = voters;
  if (rule.wave === undefined || first === undefined) return undefined;
  const reachM = rule.within_m * REACH_FACTOR;
  return estimateOrigin(
    voters.map(({ position, onsetUs }) => ({ position, timeUs: onsetUs })),
    silentAround(voters, network.listeners(first.position, reachM)),
    { wave: rule.wave, arrivalErrorS: Math.hypot(ONSET_ERROR_S, rule.clock_uncertainty_s), reachM },
  );
}

/** Once per site and owner, and nobody who has voted: a hundred silent devices of one owner are no evidence either. */
function silentAround(voters: readonly Trigger[], listeners: Iterable<Listener>): readonly Listener[] {
  const votes = new Votes();
  for (const voter of voters) votes.take(voter);
  return [...listeners].filter((listener) => votes.take(listener));
}

/** How much earlier or later than its wave a trigger may be, in seconds. */
export function toleranceS(rule: QuorumRule, origin?: Origin): number {
  const errorS = origin === undefined || rule.wave === undefined ? 0 : origin.errorM / rule.wave.fast_m_s;
  return rule.window_s + rule.clock_uncertainty_s + errorS;
}

/** Seconds after the fast and the slow wave. */
export function delaysS(
  rule: QuorumRule,
  origin: Origin,
  { position, onsetUs }: Pick<Trigger, 'position' | 'onsetUs'>,
) {
  const { wave } = rule;
  const afterS = (onsetUs - origin.timeUs) / 1e6;
  if (wave === undefined) return { fastS: afterS, slowS: afterS };
  const slantM = Math.hypot(distanceM(origin.position, position), origin.depthM);
  return { fastS: afterS - slantM / wave.fast_m_s, slowS: afterS - slantM / wave.slow_m_s };
}

/**
 * Part of the devices that should have heard it which has: of those no farther off than most voters. One that came late or
 * stands far out neither counts nor widens the circle.
 */
export function heardBy(
  rule: QuorumRule,
  voters: readonly Trigger[],
  origin: Origin | undefined,
  network: Network,
): number {
  const centre = origin?.position ?? voters[0]?.position;
  if (centre === undefined) return 0;
  const onTime = voters.filter((voter) => origin === undefined || isOnTime(rule, origin, voter));
  const distances = onTime.map(({ position }) => distanceM(centre, position)).sort((a, b) => a - b);
  const radiusM = distances[Math.ceil(MOST_VOTERS * distances.length) - 1] ?? 0;
  const heard = distances.filter((distance) => distance <= radiusM).length;
  const silent = silentAround(voters, shouldHaveHeard(rule, onTime, { centre, radiusM, origin }, network));
  return heard === 0 ? 0 : heard / (heard + silent.length);
}

/** Whether its onset is one of the wave, and not of what shakes on behind it. */
export function isOnTime(rule: QuorumRule, origin: Origin, trigger: Trigger): boolean {
  const { fastS, slowS } = delaysS(rule, origin, trigger);
  const withinS = toleranceS(rule, origin);
  return Math.abs(fastS) <= withinS || Math.abs(slowS) <= withinS;
}

interface Circle {
  readonly centre: Position;
  readonly radiusM: number;
  readonly origin: Origin | undefined;
}

function* shouldHaveHeard(
  rule: QuorumRule,
  voters: readonly Trigger[],
  { centre, radiusM, origin }: Circle,
  network: Network,
): Generator<Listener> {
  const lastUs = Math.max(...voters.map(({ onsetUs }) => onsetUs));
  for (const listener of network.listeners(centre, radiusM)) {
    const heardS =
      origin === undefined
        ? (listener.heardUntilUs - lastUs) / 1e6
        : delaysS(rule, origin, { position: listener.position, onsetUs: listener.heardUntilUs }).fastS;
    if (heardS >= TO_TRIGGER_S) yield listener;
  }
}

/** By what half of k voters have reached, and two at least: no single one decides it. */
export function severityOf(rule: QuorumRule, voters: readonly Trigger[]): Severity {
  const peaks = voters.map(({ peak }) => peak).sort((a, b) => b - a);
  const peak = peaks[Math.max(2, Math.ceil(rule.k / 2)) - 1] ?? 0;
  const reached = [...rule.levels].sort((a, b) => b.peak - a.peak).find((level) => peak >= level.peak);
  return reached?.severity ?? rule.severity;
}

export function describe(
  rule: QuorumRule,
  { subject, members, origin }: Pick<QuorumEvent, 'subject' | 'members' | 'origin'>,
  kind: QuorumTransition['kind'],
  fraction: number,
): QuorumTransition {
  const voters = votersAmong(members);
  const [first] = voters;
  if (first === undefined) throw new Error(`${subject} has no voters`);
  return {
    kind,
    subject,
    severity: severityOf(rule, voters),
    status: leastSerious(
      rule.status,
      statusOfMany(
        voters.map(({ status }) => status),
        rule.k,
      ),
    ),
    atUs: origin?.timeUs ?? first.onsetUs,
    position: origin?.position ?? first.position,
    zones: [...new Set(voters.flatMap(({ zones }) => zones))].sort(),
    evidence: {
      rule_version: rule.version,
      limit: rule.k,
      measure: voters.length,
      fraction,
      ...(origin !== undefined && {
        origin: {
          lat: origin.position.lat,
          lon: origin.position.lon,
          depth_m: Math.round(origin.depthM),
          time_us: origin.timeUs,
          error_m: Math.round(origin.errorM),
        },
      }),
      readings: voters.slice(0, MOST_EVIDENCE).map(({ device, metric, onsetUs, peak }) => ({
        device,
        metric,
        time_us: onsetUs,
        value: peak,
      })),
    },
  };
}

/** What a transition of this event tells. */
export function toldOf(
  { members, origin }: Pick<QuorumEvent, 'members' | 'origin'>,
  severity: Severity,
  voters: number,
): Told {
  const position = origin?.position ?? members[0]?.position;
  if (position === undefined) throw new Error('an event has members');
  return { severity, voters, position };
}
