import type { CapStatus } from '../../alerts/alert.ts';
import type { Position } from '../../geo/position.ts';

/** What a rule has found at one device: a vote, not an alert. */
export interface Trigger {
  /** Names it for as long as it is known. */
  readonly id: string;
  readonly rule: string;
  readonly device: string;
  readonly site: string | null;
  readonly owner: string | null;
  readonly position: Position;
  readonly zones: readonly string[];
  /** Of the device: what an exercise shakes is no reason to act. */
  readonly status: CapStatus;
  readonly metric: string;
  /** When it began, Unix microseconds by the device's clock. */
  readonly onsetUs: number;
  /** Largest amplitude so far, in the unit of the metric. */
  readonly peak: number;
}

/** `updated`: it has become stronger. */
export interface TriggerNews {
  readonly kind: 'raised' | 'updated' | 'cleared';
  readonly trigger: Trigger;
}

/** A device that could trigger: it is healthy and online. */
export interface Listener {
  readonly device: string;
  readonly site: string | null;
  readonly owner: string | null;
  readonly position: Position;
  /** Of its newest reading, Unix microseconds by its clock. */
  readonly heardUntilUs: number;
}

/** The devices around, as far as they are known to be there. */
export interface Network {
  listeners(around: Position, radiusM: number): Iterable<Listener>;
}

type Voter = Pick<Trigger, 'device' | 'site' | 'owner'>;

/** Who has voted; whoever is of the same site or owner as somebody who has votes no more. */
export class Votes {
  readonly #given = new Set<string>();

  /** @returns whether it counts */
  take({ device, site, owner }: Voter): boolean {
    const names = [`device ${device}`];
    if (site !== null) names.push(`site ${site}`);
    if (owner !== null) names.push(`owner ${owner}`);
    if (names.some((name) => this.#given.has(name))) return false;
    for (const name of names) this.#given.add(name);
    return true;
  }
}

/** Those that count, the earliest of a site or owner. */
export function votersAmong<T extends Voter>(inOrder: readonly T[]): readonly T[] {
  const votes = new Votes();
  return inOrder.filter((voter) => votes.take(voter));
}

/** By onset. */
export function inOrder(triggers: readonly Trigger[]): readonly Trigger[] {
  return [...triggers].sort((a, b) => a.onsetUs - b.onsetUs);
}
