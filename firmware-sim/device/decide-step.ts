import type { Random } from '../random.ts';
import type { Delivery } from '../transport/transport.ts';

const FIRST_BACK_OFF_MS = 200;
const LONGEST_BACK_OFF_MS = 5000;
const LONGEST_RETRY_AFTER_MS = 30_000;

/** What a device has been through with one pack. */
export interface PackHistory {
  readonly readings: number;
  /** Whether an envelope that was sent once may have been judged before. */
  readonly repeats: boolean;
  /** How often the present envelope was sent. */
  sends: number;
  /** Without a final answer, in a row. */
  failures: number;
  tooOld: number;
  clockWasSet: boolean;
}

/** What a device does next with its pack. */
export type Step =
  | { readonly kind: 'acknowledged'; readonly outcome: 'accepted' | 'already-delivered' }
  | { readonly kind: 'dropped'; readonly code: string }
  /** The same bytes, the same nonce. */
  | { readonly kind: 'send-again'; readonly reason: string; readonly waitMs: number }
  /** A new envelope with a nonce of its own. */
  | { readonly kind: 'sign-again'; readonly reason: string; readonly waitMs: number; readonly trueTimeMs?: number };

export function decideStep(delivery: Delivery, history: PackHistory, random: Random): Step {
  switch (delivery.kind) {
    case 'accepted':
      return delivery.readings === history.readings
        ? { kind: 'acknowledged', outcome: 'accepted' }
        : { kind: 'dropped', code: 'unexpected-reply' };
    case 'busy':
      return {
        kind: 'send-again',
        reason: delivery.code,
        waitMs: Math.min(delivery.retryAfterMs ?? backOffMs(history.failures, random), LONGEST_RETRY_AFTER_MS),
      };
    case 'unanswered':
      return { kind: 'send-again', reason: delivery.reason, waitMs: backOffMs(history.failures, random) };
    case 'refused':
      return decideRefused(delivery.code, delivery.serverTimeMs, history, random);
  }
}

function decideRefused(code: string, trueTimeMs: number | undefined, history: PackHistory, random: Random): Step {
  switch (code) {
    case 'replay-detected':
      // Only an envelope that arrived before can have lost its 202; a fresh nonce that was used already is somebody else's.
      return history.sends > 1 || history.repeats
        ? { kind: 'acknowledged', outcome: 'already-delivered' }
        : { kind: 'dropped', code };
    case 'nonce-too-old':
      return {
        kind: 'sign-again',
        reason: code,
        waitMs: history.tooOld === 0 ? 0 : backOffMs(history.tooOld, random),
      };
    case 'timestamp-skew':
      if (trueTimeMs === undefined || history.clockWasSet) return { kind: 'dropped', code };
      return { kind: 'sign-again', reason: code, waitMs: 0, trueTimeMs };
    default:
      return { kind: 'dropped', code };
  }
}

/** Exponential with full jitter, so that a fleet that lost its server together does not return together. */
function backOffMs(failures: number, random: Random): number {
  return random() * Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** failures);
}
