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
import type { QuorumRule } from '../rule.ts';
import { join, strengthen } from './join-event.ts';
import { forgetOld, isQuarantined, withTrigger, type FalseTriggers } from './quarantine.ts';
import { describe, heardBy, type QuorumTransition } from './quorum-event.ts';
import type { Association, QuorumState } from './quorum-state.ts';
import { raise } from './raise-event.ts';
import { votersAmong, type Network, type Trigger, type TriggerNews } from './trigger.ts';
import { longestWindowS } from './window.ts';

/** More are not kept, the oldest go. Few of one owner, who has one vote: a flood of his pushes nobody out. */
const MOST_OPEN = 2000;
const MOST_OPEN_OF_OWNER = 8;
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
