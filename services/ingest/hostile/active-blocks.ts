import type { BlockChange, BlockedSource } from '../../../contracts/source-block.ts';
import type { BlockTerm } from '../../../core/limits/block-term.ts';

interface AtAddress {
  /** Of everybody there. */
  whole: BlockTerm | undefined;
  readonly claimants: Map<string, BlockTerm>;
}

/** A block whose time is over. */
export interface EndedBlock extends BlockedSource {
  readonly term: BlockTerm;
}

/** About 200 bytes each. */
const MAX_KNOWN = 100_000;

/** The blocks that this process knows: as many as Redis keeps, until a short time after their end. */
export class ActiveBlocks {
  readonly #addresses = new Map<string, AtAddress>();
  readonly #hearMs: number;
  #size = 0;

  /** @param hearMs for so long after a block nobody is blocked again, so that an honest sender that was shut out is heard */
  constructor(hearMs: number) {
    this.#hearMs = hearMs;
  }

  /** How many are in force or end their time of being heard. */
  get size(): number {
    return this.#size;
  }

  set({ address, claimant, offence, until_ms: untilMs }: BlockChange, nowMs: number): void {
    this.#remove({ address, claimant });
    if (untilMs + this.#hearMs <= nowMs) return;
    if (this.#size >= MAX_KNOWN) this.#removeOldest();
    const at = this.#addresses.get(address) ?? { whole: undefined, claimants: new Map<string, BlockTerm>() };
    if (claimant === null) at.whole = { offence, untilMs };
    else at.claimants.set(claimant, { offence, untilMs });
    this.#addresses.set(address, at);
    this.#size += 1;
  }

  /** Unix milliseconds; undefined when the address as a whole is not blocked. */
  addressUntil(address: string, nowMs: number): number | undefined {
    // Nearly always there are none.
    return this.#addresses.size === 0 ? undefined : untilOf(this.#addresses.get(address)?.whole, nowMs);
  }

  /** Unix milliseconds; undefined when this claimant is not blocked at this address. */
  pairUntil(address: string, claimant: string, nowMs: number): number | undefined {
    return this.#addresses.size === 0
      ? undefined
      : untilOf(this.#addresses.get(address)?.claimants.get(claimant), nowMs);
  }

  /** Whether there is a block, or was one a moment ago. */
  isKnown({ address, claimant }: BlockedSource): boolean {
    const at = this.#addresses.get(address);
    return (claimant === null ? at?.whole : at?.claimants.get(claimant)) !== undefined;
  }

  /** Forgets those that nobody needs to know of any more, and answers them. */
  takeEnded(nowMs: number): readonly EndedBlock[] {
    const ended: EndedBlock[] = [];
    for (const [address, { whole, claimants }] of this.#addresses) {
      const terms = [...(whole === undefined ? [] : [[null, whole] as const]), ...claimants];
      for (const [claimant, term] of terms) {
        if (term.untilMs + this.#hearMs <= nowMs) ended.push({ address, claimant, term });
      }
    }
    for (const block of ended) this.#remove(block);
    return ended;
  }

  #remove({ address, claimant }: BlockedSource): void {
    const at = this.#addresses.get(address);
    if (at === undefined) return;
    if (claimant !== null) this.#size -= at.claimants.delete(claimant) ? 1 : 0;
    else if (at.whole !== undefined) {
      at.whole = undefined;
      this.#size -= 1;
    }
    if (at.whole === undefined && at.claimants.size === 0) this.#addresses.delete(address);
  }

  #removeOldest(): void {
    for (const [address, { claimants }] of this.#addresses) {
      this.#remove({ address, claimant: null });
      for (const claimant of claimants.keys()) this.#remove({ address, claimant });
      return;
    }
  }
}

function untilOf(term: BlockTerm | undefined, nowMs: number): number | undefined {
  return term !== undefined && nowMs < term.untilMs ? term.untilMs : undefined;
}
