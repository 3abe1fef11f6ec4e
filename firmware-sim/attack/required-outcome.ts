import { problemOf, type ProblemCode } from '../../contracts/problem.ts';
import { parseReply, type Reply } from '../transport/parse-reply.ts';

/** An answer of the platform. `code` is the problem's, or `accepted`. */
export interface AttackOutcome {
  readonly status: number;
  readonly code: string;
}

export const ACCEPTED: AttackOutcome = { status: 202, code: 'accepted' };
/** Too many failures came from the address, or from the device at this address. */
export const BLOCKED: AttackOutcome = problem('blocked');

export function problem(code: ProblemCode): AttackOutcome {
  return { status: problemOf(code).status, code };
}

export function outcomeOf(reply: Reply): AttackOutcome {
  const delivery = parseReply(reply);
  switch (delivery.kind) {
    case 'accepted':
      return ACCEPTED;
    case 'unanswered':
      return { status: reply.status, code: delivery.reason };
    case 'refused':
    case 'busy':
      return { status: reply.status, code: delivery.code };
  }
}

export function isAmong(outcome: AttackOutcome, required: readonly AttackOutcome[]): boolean {
  return required.some(({ status, code }) => status === outcome.status && code === outcome.code);
}
