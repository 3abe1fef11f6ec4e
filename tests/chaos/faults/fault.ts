import type { ChaosLoad } from '../load/chaos-load.ts';
import type { ChaosStack, MemberName } from '../stack/chaos-stack.ts';

/** How long what lasts is to last. */
export interface Durations {
  readonly deadMs: number;
  readonly frozenMs: number;
  readonly postgresAwayMs: number;
  readonly redisAwayMs: number;
  readonly diskFullMs: number;
  readonly disturbedMs: number;
}

export interface FaultContext {
  readonly stack: ChaosStack;
  readonly load: ChaosLoad;
  readonly durations: Durations;
  readonly shardCount: number;
  /** From 0 to 1, the same for the same seed. */
  readonly random: () => number;
}

export interface FaultOutcome {
  /** Entries that had to become dead letters. */
  readonly deadLetters?: number;
  /** Codes by which packs may be refused for good. */
  readonly rejections?: readonly string[];
  /** Why it was not the fault that it should have been. */
  readonly problems?: readonly string[];
}

/** Something that happens to a platform under load. */
export interface Fault {
  readonly name: string;
  /** What it happens to: two faults of a pair have none in common. */
  readonly touches: readonly (MemberName | 'devices')[];
  /** Why it cannot be staged here; undefined when it can. */
  readonly impossible?: (context: FaultContext) => string | undefined;
  /** Resolves when it is over and everything that it ended runs again. */
  readonly inject: (context: FaultContext) => Promise<FaultOutcome | undefined>;
}
