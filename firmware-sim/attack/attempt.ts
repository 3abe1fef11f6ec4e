import { pause } from '../pause.ts';
import type { HttpConnection } from '../transport/http-connection.ts';
import type { Reply } from '../transport/parse-reply.ts';
import type { Attack } from './attack.ts';
import { ACCEPTED, isAmong, outcomeOf, type AttackOutcome } from './required-outcome.ts';

/** A platform that is busy (503) has not decided yet, and a kept-alive connection may be closed as it is used. */
const MAX_SENDS = 5;
const SEND_AGAIN_MS = 300;
const UNDECIDED_STATUS = 503;
const NO_ANSWER: AttackOutcome = { status: 0, code: 'no-answer' };

export interface Attempted {
  readonly outcome: AttackOutcome;
  /** Undefined when nothing answered. */
  readonly reply: Reply | undefined;
}

/** Sends until the platform has decided; undefined when the run was abandoned before. */
export async function attempt(
  connection: HttpConnection,
  { post, required }: Attack,
  abandon: AbortSignal,
): Promise<Attempted | undefined> {
  let last: Attempted = { outcome: NO_ANSWER, reply: undefined };
  let mayHaveArrived = false;
  for (let sends = 0; sends < MAX_SENDS; sends += 1) {
    if (sends > 0) await pause(SEND_AGAIN_MS, abandon);
    const exchange = await connection.post(post, abandon);
    if (abandon.aborted) return undefined;
    if (exchange.kind === 'unanswered') {
      mayHaveArrived = true;
      continue;
    }
    last = { outcome: outcomeOf(exchange.reply), reply: exchange.reply };
    if (exchange.reply.status === UNDECIDED_STATUS) continue;
    // The answer to the first sending was lost: what had a right to be taken was taken then.
    const wasTaken = mayHaveArrived && last.outcome.code === 'replay-detected' && isAmong(ACCEPTED, required);
    return wasTaken ? { ...last, outcome: ACCEPTED } : last;
  }
  return last;
}
