import { distanceM } from '../../geo/position.ts';
import type { QuorumRule } from '../rule.ts';
import { withoutNewest } from './quarantine.ts';
import {
  delaysS,
  describe,
  heardBy,
  isOnTime,
  locate,
  severityOf,
  toldOf,
  toleranceS,
  type QuorumEvent,
  type QuorumTransition,
} from './quorum-event.ts';
import type { Association, QuorumState } from './quorum-state.ts';
import { inOrder, votersAmong, type Network, type Trigger } from './trigger.ts';
import { windowS } from './window.ts';

/** Worth telling: this many times as many votes, and an origin this much farther off than its error. */
const MANY_MORE_VOTES = 2;
const FAR_OFF = 1;
/** An origin is estimated anew for each arrival up to so many, and then when there are so many times as many. */
const MANY_ARRIVALS = 12;
const MANY_MORE_ARRIVALS = 1.5;
/** What the ground does for so long behind the slow wave belongs to it, also where nothing was felt before, in seconds. */
const CODA_S = 15;

/** A trigger that is known has become stronger. */
export function strengthen(
  rule: QuorumRule,
  before: QuorumState,
  { device, peak }: Trigger,
  network: Network,
): Association {
  const grow = (triggers: readonly Trigger[]): readonly Trigger[] =>
    triggers.some((known) => known.device === device && known.peak < peak)
      ? triggers.map((known) => (known.device === device && known.peak < peak ? { ...known, peak } : known))
      : triggers;
  const transitions: QuorumTransition[] = [];
  const events = before.events.map((event) => {
    const members = grow(event.members);
    return members === event.members ? event : tellIfNews(rule, { ...event, members }, network, transitions);
  });
  return { state: { ...before, open: grow(before.open), events }, transitions };
}

/**
 * Open triggers that an event's wave explains become part of it. What shakes on behind the wave keeps the event going, and may
 * be stronger; of a device that has no part in it, it may be another event. Undefined when there are none.
 */
export function join(rule: QuorumRule, before: QuorumState, network: Network): Association | undefined {
  const joining = new Map<QuorumEvent, Trigger[]>();
  for (const trigger of before.open) {
    const event = bestEvent(rule, before.events, trigger);
    if (event !== undefined) joining.set(event, [...(joining.get(event) ?? []), trigger]);
  }
  if (joining.size === 0) return undefined;
  const transitions: QuorumTransition[] = [];
  const events = before.events.map((event) => {
    const joined = joining.get(event);
    if (joined === undefined) return event;
    return tellIfNews(rule, withMembers(rule, event, joined, network), network, transitions);
  });
  const joined = new Set([...joining.values()].flat());
  return {
    state: {
      open: before.open.filter((trigger) => !joined.has(trigger)),
      events,
      falseTriggers: withoutNewest(before.falseTriggers, new Set([...joined].map(({ device }) => device))),
    },
    transitions,
  };
}

function bestEvent(rule: QuorumRule, events: readonly QuorumEvent[], trigger: Trigger): QuorumEvent | undefined {
  let best: { readonly event: QuorumEvent; readonly offS: number } | undefined;
  for (const event of events) {
    const offS = offFrom(rule, event, trigger);
    if (offS !== undefined && (best === undefined || offS < best.offS)) best = { event, offS };
  }
  return best?.event;
}

/** Seconds by which the trigger is off its time. Undefined when the event does not explain it, as what shakes before the wave. */
function offFrom(rule: QuorumRule, { members, origin }: QuorumEvent, trigger: Trigger): number | undefined {
  const centre = origin?.position ?? members[0]?.position;
  if (centre === undefined || distanceM(centre, trigger.position) > rule.within_m) return undefined;
  const isMember = members.some(({ device }) => device === trigger.device);
  if (origin === undefined) {
    const lastUs = Math.max(...members.map(({ onsetUs }) => onsetUs));
    const offS = Math.abs(trigger.onsetUs - lastUs) / 1e6;
    return offS <= (isMember ? rule.clear_after_s : windowS(rule, 0)) ? offS : undefined;
  }
  const { fastS, slowS } = delaysS(rule, origin, trigger);
  const shakesForS = isMember ? rule.clear_after_s : Math.min(CODA_S, rule.clear_after_s);
  const isExplained = fastS >= -toleranceS(rule, origin) && slowS <= shakesForS;
  return isExplained ? Math.min(Math.abs(fastS), Math.abs(slowS)) : undefined;
}

function withMembers(rule: QuorumRule, before: QuorumEvent, joined: readonly Trigger[], network: Network): QuorumEvent {
  const again = new Map(joined.map((trigger) => [trigger.device, trigger]));
  const known = before.members.map((member) => {
    const peak = again.get(member.device)?.peak ?? 0;
    return peak > member.peak ? { ...member, peak } : member;
  });
  const added = joined.filter(({ device }) => !before.members.some((member) => member.device === device));
  const shookUs = Math.max(before.shookUs, ...joined.map(({ onsetUs }) => onsetUs));
  const event = { ...before, shookUs, members: added.length === 0 ? known : inOrder([...known, ...added]) };
  const { origin, locatedFrom } = event;
  if (origin === undefined || added.length === 0) return event;
  // What shakes on behind the wave says nothing about where it began.
  const arrivals = votersAmong(event.members).filter((voter) => isOnTime(rule, origin, voter));
  const isWorthIt = arrivals.length <= MANY_ARRIVALS || arrivals.length >= locatedFrom * MANY_MORE_ARRIVALS;
  if (!isWorthIt || arrivals.length === locatedFrom) return event;
  return { ...event, origin: locate(rule, arrivals, network), locatedFrom: arrivals.length };
}

function tellIfNews(
  rule: QuorumRule,
  event: QuorumEvent,
  network: Network,
  transitions: QuorumTransition[],
): QuorumEvent {
  const { told, origin } = event;
  const voters = votersAmong(event.members);
  const severity = severityOf(rule, voters);
  const movedM = origin === undefined ? 0 : distanceM(origin.position, told.position);
  const isNews =
    severity !== told.severity ||
    voters.length >= told.voters * MANY_MORE_VOTES ||
    (origin !== undefined && movedM > FAR_OFF * origin.errorM && movedM > rule.within_m / 100);
  if (!isNews) return event;
  transitions.push(describe(rule, event, 'updated', heardBy(rule, voters, origin, network)));
  return { ...event, told: toldOf(event, severity, voters.length) };
}
