/**
 * Turns triggers of single devices into alerts that at least k of them agree on.
 *
 *                     fits an event                   joins it: updated when that changes much
 *   trigger ──┬──────────────────────────────────▶ ┌────────┐  quiet for clear_after_s: cleared
 *             │                                    │ event  │─────────────────────────────────▶
 *             └──▶ open ── k of them fit ─────────▶└────────┘  the others did not hear it: cancelled
 *                  one another: raised
 *
 * Open triggers fit when each is within the window of the newest and, where there is a wave, when one origin explains them all.
 * Time is that of the devices; only what is kept and for how long goes by the platform's clock.
 */
import { distanceM } from '../../geo/position.ts';
import type { QuorumRule } from '../rule.ts';
import { forgetOld, isQuarantined, withoutNewest, withTrigger, type FalseTriggers } from './quarantine.ts';
import {
  delaysS,
  describe,
  heardBy,
  isOnTime,
  locate,
  severityOf,
  toleranceS,
  type QuorumEvent,
  type QuorumTransition,
} from './quorum-event.ts';
import type { Origin } from './origin.ts';
import { votersAmong, type Network, type Trigger, type TriggerNews } from './trigger.ts';

export interface QuorumState {
  /** Triggers that belong to no event, by arrival. */
  readonly open: readonly Trigger[];
  readonly events: readonly QuorumEvent[];
  readonly falseTriggers: FalseTriggers;
}

export interface Association {
  readonly state: QuorumState;
  readonly transitions: readonly QuorumTransition[];
}

export const EMPTY_QUORUM: QuorumState = { open: [], events: [], falseTriggers: {} };

/** More are not kept, the oldest go. Few of one owner, who has one vote: a flood of his pushes nobody out. */
const MOST_OPEN = 2000;
const MOST_OPEN_OF_OWNER = 8;
/** Votes that a new trigger is seen together with: the nearest. */
const MOST_AROUND = 24;
/** A wave is not taken for another one when one origin explains this part of the votes of both. */
const SAME_WAVE = 0.8;
/** Worth telling: this many times as many votes, and an origin this much farther off than its error. */
const MANY_MORE_VOTES = 2;
const FAR_OFF = 1;
/** An origin is estimated anew for each arrival up to so many, and then when there are so many times as many. */
const MANY_ARRIVALS = 12;
const MANY_MORE_ARRIVALS = 1.5;
/** Of the votes that it takes, where another event is going on. */
const SECOND_NEEDS = 1.5;
/** What the ground does for so long behind the slow wave belongs to it, also where nothing was felt before, in seconds. */
const CODA_S = 15;
/** An alert is taken back when less than this part of the fraction that it takes has heard it. */
const CANCELLED_BELOW = 0.5;

/** What the news changes; the same news again changes nothing. */
export function associate(
  rule: QuorumRule,
  before: QuorumState,
  news: TriggerNews,
  network: Network,
  nowUs: number,
): Association {
  const { kind, trigger } = news;
  if (kind === 'updated') return strengthen(rule, before, trigger, network);
  // Nothing is raised for the past, as after an hour without an associator.
  const isPast = nowUs - trigger.onsetUs > longestWindowS(rule) * 1e6;
  if (kind === 'cleared' || isPast || isKnown(before, trigger)) return { state: before, transitions: [] };
  const falseTriggers = withTrigger(rule.quarantine, before.falseTriggers, trigger.device, nowUs);
  if (isQuarantined(rule.quarantine, falseTriggers, trigger.device, nowUs)) {
    const open = before.open.filter(({ device }) => device !== trigger.device);
    return { state: { ...before, open, falseTriggers }, transitions: [] };
  }
  const healthy = withoutQuarantined(rule, network, falseTriggers, nowUs);
  const open = withOpen(before.open, trigger);
  const state = { ...before, open, falseTriggers };
  return join(rule, state, healthy) ?? raise(rule, state, trigger, healthy, nowUs) ?? { state, transitions: [] };
}

/** One trigger of each device, the newest. */
function withOpen(open: readonly Trigger[], trigger: Trigger): readonly Trigger[] {
  const others = open.filter(({ device }) => device !== trigger.device);
  const ofOwner = others.filter(({ owner }) => owner !== null && owner === trigger.owner);
  const surplus = new Set(ofOwner.slice(0, Math.max(0, ofOwner.length + 1 - MOST_OPEN_OF_OWNER)));
  return [...others.filter((other) => !surplus.has(other)), trigger].slice(-MOST_OPEN);
}

/** What only time changes. */
export function advance(rule: QuorumRule, before: QuorumState, network: Network, nowUs: number): Association {
  let falseTriggers = forgetOld(rule.quarantine, before.falseTriggers, nowUs);
  const healthy = withoutQuarantined(rule, network, falseTriggers, nowUs);
  const transitions: QuorumTransition[] = [];
  const events = before.events.filter((event) => {
    const voters = votersAmong(event.members);
    const isOver = nowUs - Math.max(event.raisedUs, event.shookUs) >= rule.clear_after_s * 1e6;
    const fraction = heardBy(rule, voters, event.origin, healthy);
    if (!isOver && fraction >= rule.fraction * CANCELLED_BELOW) return true;
    transitions.push(describe(rule, event, isOver ? 'cleared' : 'cancelled', fraction));
    if (!isOver) {
      // What convinced nobody else was false after all.
      for (const { device } of event.members) {
        falseTriggers = withTrigger(rule.quarantine, falseTriggers, device, nowUs);
      }
    }
    return false;
  });
  const keptUs = longestWindowS(rule) * 1e6;
  const open = before.open.filter(({ onsetUs }) => nowUs - onsetUs <= keptUs);
  const isSame =
    open.length === before.open.length && transitions.length === 0 && falseTriggers === before.falseTriggers;
  return { state: isSame ? before : { open, events, falseTriggers }, transitions };
}

/** The longest that the votes of one event can lie apart, and that a trigger can be on its way. */
function longestWindowS(rule: QuorumRule): number {
  return windowS(rule, 2 * rule.within_m) + ON_ITS_WAY_S;
}
const ON_ITS_WAY_S = 60;

function windowS({ window_s: baseS, clock_uncertainty_s: clockS, wave }: QuorumRule, apartM: number): number {
  return baseS + clockS + (wave === undefined ? 0 : apartM / wave.slow_m_s);
}

function isKnown({ open, events }: QuorumState, { device, onsetUs }: Trigger): boolean {
  const isIt = (known: Trigger): boolean => known.device === device && known.onsetUs >= onsetUs;
  return open.some(isIt) || events.some(({ members }) => members.some(isIt));
}

function withoutQuarantined(rule: QuorumRule, network: Network, known: FalseTriggers, nowUs: number): Network {
  return {
    *listeners(around, radiusM) {
      for (const listener of network.listeners(around, radiusM)) {
        if (!isQuarantined(rule.quarantine, known, listener.device, nowUs)) yield listener;
      }
    },
  };
}

function strengthen(rule: QuorumRule, before: QuorumState, { device, peak }: Trigger, network: Network): Association {
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
function join(rule: QuorumRule, before: QuorumState, network: Network): Association | undefined {
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
  const arrivals = votersAmong(event.members);
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

function toldOf(
  { members, origin }: Pick<QuorumEvent, 'members' | 'origin'>,
  severity: QuorumEvent['told']['severity'],
  voters: number,
): QuorumEvent['told'] {
  const position = origin?.position ?? members[0]?.position;
  if (position === undefined) throw new Error('an event has members');
  return { severity, voters, position };
}

/** Undefined when the newest trigger and what is open make no quorum. */
function raise(
  rule: QuorumRule,
  before: QuorumState,
  newest: Trigger,
  network: Network,
  nowUs: number,
): Association | undefined {
  const compatible = before.open.filter((trigger) => isCompatible(rule, trigger, newest));
  const around = inOrder(nearest(compatible, newest));
  const found = explain(rule, around, votesNeeded(rule, before.events, newest), network);
  if (found === undefined || !found.members.includes(newest)) return undefined;
  const { members, origin } = found;
  const voters = votersAmong(members);
  const fraction = heardBy(rule, voters, origin, network);
  if (fraction < rule.fraction) return undefined;
  if (isPartOfKnown(rule, before.events, voters, network)) return undefined;
  const [first] = members;
  if (first === undefined) return undefined;
  const severity = severityOf(rule, voters);
  const event: QuorumEvent = {
    subject: first.id,
    members,
    origin,
    locatedFrom: voters.length,
    raisedUs: nowUs,
    shookUs: Math.max(...members.map(({ onsetUs }) => onsetUs)),
    told: toldOf(found, severity, voters.length),
  };
  const devices = new Set(members.map(({ device }) => device));
  return {
    state: {
      open: before.open.filter((trigger) => !members.includes(trigger)),
      events: [...before.events, event],
      falseTriggers: withoutNewest(before.falseTriggers, devices),
    },
    transitions: [describe(rule, event, 'raised', fraction)],
  };
}

/** Two at once are rarer than one, and what does not fit the first is often no second. */
function votesNeeded({ k, within_m: withinM }: QuorumRule, events: readonly QuorumEvent[], newest: Trigger): number {
  const isAround = ({ told }: QuorumEvent): boolean => distanceM(told.position, newest.position) <= 2 * withinM;
  return events.some(isAround) ? Math.ceil(k * SECOND_NEEDS) : k;
}

function nearest(triggers: readonly Trigger[], to: Trigger): readonly Trigger[] {
  if (triggers.length <= MOST_AROUND) return triggers;
  const byDistance = triggers.map((trigger) => ({ trigger, apartM: distanceM(trigger.position, to.position) }));
  return byDistance
    .sort((a, b) => a.apartM - b.apartM)
    .slice(0, MOST_AROUND)
    .map(({ trigger }) => trigger);
}

function isCompatible(rule: QuorumRule, a: Trigger, b: Trigger): boolean {
  const apartM = distanceM(a.position, b.position);
  return apartM <= 2 * rule.within_m && Math.abs(a.onsetUs - b.onsetUs) / 1e6 <= windowS(rule, apartM);
}

interface Explained {
  readonly members: readonly Trigger[];
  readonly origin: Origin | undefined;
}

/** A part of the triggers that began in one place, and where there is a wave at one time; at least as many votes as are needed. */
function explain(
  rule: QuorumRule,
  triggers: readonly Trigger[],
  needed: number,
  network: Network,
): Explained | undefined {
  const [first] = triggers;
  if (first === undefined) return undefined;
  if (rule.wave === undefined) {
    const members = triggers.filter(({ position }) => distanceM(position, first.position) <= rule.within_m);
    return votersAmong(members).length >= needed ? { members, origin: undefined } : undefined;
  }
  let members = triggers;
  for (;;) {
    const voters = votersAmong(members);
    if (voters.length < needed) return undefined;
    const origin = locate(rule, voters, network);
    if (origin === undefined) return undefined;
    const offS = (trigger: Trigger): number => {
      const { fastS, slowS } = delaysS(rule, origin, trigger);
      const isNear = distanceM(origin.position, trigger.position) <= rule.within_m;
      return isNear ? Math.min(Math.abs(fastS), Math.abs(slowS)) : Infinity;
    };
    const worst = members.reduce((most, trigger) => (offS(trigger) > offS(most) ? trigger : most));
    if (offS(worst) <= toleranceS(rule)) return { members, origin };
    members = members.filter((trigger) => trigger !== worst);
  }
}

/** Whether one origin explains an event and these votes: then they are stragglers of it. */
function isPartOfKnown(
  rule: QuorumRule,
  events: readonly QuorumEvent[],
  voters: readonly Trigger[],
  network: Network,
): boolean {
  return events.some((event) => {
    // A device that triggers again is part of it by its later onset or not at all.
    const known = votersAmong(event.members).filter(
      (member) =>
        voters.every(({ device }) => device !== member.device) &&
        voters.some((voter) => distanceM(member.position, voter.position) <= 2 * rule.within_m),
    );
    if (known.length === 0) return false;
    const origin = locate(rule, votersAmong(inOrder([...known, ...voters])), network);
    if (origin === undefined) return true;
    const explains = (some: readonly Trigger[]): boolean =>
      some.filter((trigger) => isOnTime(rule, origin, trigger)).length >= SAME_WAVE * some.length;
    return explains(known) && explains(voters);
  });
}

function inOrder(triggers: readonly Trigger[]): readonly Trigger[] {
  return [...triggers].sort((a, b) => a.onsetUs - b.onsetUs);
}
