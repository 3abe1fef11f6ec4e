import { rejected, type Rejected } from '../outcome.ts';

/** A block without an end, or with a far one: the sender may ask again after this time. */
const LONGEST_RETRY_AFTER_S = 86_400;
const WITHOUT_END_S = 3600;
/** Returns are spread, within the time in which everybody is heard after a block. */
const SPREAD_S = 4;

/** @param untilMs Unix milliseconds; infinite for a block without an end */
export function blocked(detail: string, untilMs: number, nowMs: number): Rejected {
  const restS = untilMs === Infinity ? WITHOUT_END_S : Math.ceil((untilMs - nowMs) / 1000);
  const retryAfterS = Math.max(1, Math.min(LONGEST_RETRY_AFTER_S, restS)) + Math.floor(Math.random() * SPREAD_S);
  return { ...rejected('blocked', { detail }), retryAfterS };
}
