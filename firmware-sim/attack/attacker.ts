import { pause } from '../pause.ts';
import type { HttpConnection } from '../transport/http-connection.ts';
import type { AttackKind } from './attack-kind.ts';
import type { AttackTally } from './attack-tally.ts';
import { attempt } from './attempt.ts';
import type { Forge } from './attack.ts';

export interface AttackerParts {
  readonly kind: AttackKind;
  readonly forge: Forge;
  readonly connection: HttpConnection;
  readonly tally: AttackTally;
}

/** Far below the limit of a device, which attacks with its API key spend too: the limit must not hide the right answer. */
const PERIOD_MS = 200;

/** Attacks at an even pace until it is stopped, one request after the other. */
export async function runAttacker(parts: AttackerParts, stop: AbortSignal, abandon: AbortSignal): Promise<void> {
  const { kind, forge, connection, tally } = parts;
  // They do not all start at once.
  await pause(Math.random() * PERIOD_MS, stop);
  while (!stop.aborted) {
    const attack = forge();
    const attempted = attack === undefined ? undefined : await attempt(connection, attack, abandon);
    if (attack !== undefined && attempted !== undefined) tally.record(kind, attempted.outcome, attack.required);
    await pause(PERIOD_MS, stop);
  }
}
