import type { FalseTriggers } from './quarantine.ts';
import type { QuorumEvent, QuorumTransition } from './quorum-event.ts';
import type { Trigger } from './trigger.ts';

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
