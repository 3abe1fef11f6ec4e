import type { TelemetryPost } from '../transport/http-connection.ts';
import type { AttackOutcome } from './required-outcome.ts';

/** One request of an attacker, with the only answers that are right. */
export interface Attack {
  readonly post: TelemetryPost;
  readonly required: readonly AttackOutcome[];
}

/** Makes the next request; undefined when there is nothing to attack with yet. */
export type Forge = () => Attack | undefined;
