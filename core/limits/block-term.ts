/** How long somebody is blocked: each time in a row twice as long as the time before. */
export interface BlockPolicy {
  readonly firstMs: number;
  readonly longestMs: number;
  /** After the end of a block, until the next one would be a first one again. */
  readonly quietMs: number;
}

export interface BlockTerm {
  /** 1 for the first block, one more for each that follows without a quiet time between them. */
  readonly offence: number;
  /** Unix milliseconds. */
  readonly untilMs: number;
}

/** The block that follows on what came before; one that has not ended stays as it is. */
export function decideTerm(before: BlockTerm | undefined, policy: BlockPolicy, nowMs: number): BlockTerm {
  if (before !== undefined && before.untilMs > nowMs) return before;
  const isRepeated = before !== undefined && nowMs - before.untilMs < policy.quietMs;
  const offence = isRepeated ? before.offence + 1 : 1;
  return { offence, untilMs: nowMs + Math.min(policy.longestMs, policy.firstMs * 2 ** (offence - 1)) };
}
