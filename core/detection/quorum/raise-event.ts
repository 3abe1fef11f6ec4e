import { distanceM } from '../../geo/position.ts';
import { isInForce } from '../in-force.ts';
import type { QuorumRule } from '../rule.ts';
import type { Origin } from './origin.ts';
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
} from './quorum-event.ts';
import type { Association, QuorumState } from './quorum-state.ts';
import { inOrder, votersAmong, type Network, type Trigger } from './trigger.ts';
import { windowS } from './window.ts';

/** Votes that a new trigger is seen together with: the nearest. */
const MOST_AROUND = 24;
/** A wave is not taken for another one when one origin explains this part of the votes of both. */
const SAME_WAVE = 0.8;
/** Of the votes that it takes, where another event is going on. */
const SECOND_NEEDS = 1.5;

/** Undefined when the newest trigger and what is open make no quorum. */
export function raise(
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
  if (first === undefined || !isInForce(rule, undefined, first.onsetUs)) return undefined;
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
