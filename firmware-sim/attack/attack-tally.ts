import type { AttackKind } from './attack-kind.ts';
import { ACCEPTED, isAmong, type AttackOutcome } from './required-outcome.ts';

/** What happened to the requests of the attackers. */
export class AttackTally {
  sent = 0;
  /** What had to be refused and was taken. */
  accepted = 0;
  /** Answers that are none of the required ones, those that were taken included. */
  unexpected = 0;
  /** Requests that a flood had a right to. */
  withinAllowance = 0;
  /** Requests. */
  readonly byCode = new Map<string, number>();
  /** For a person: what was not as required, by kind and answer. */
  readonly surprises = new Map<string, number>();

  record(kind: AttackKind, outcome: AttackOutcome, required: readonly AttackOutcome[]): void {
    const isRight = isAmong(outcome, required);
    if (isRight && outcome.code === ACCEPTED.code) {
      this.withinAllowance += 1;
      return;
    }
    this.sent += 1;
    if (outcome.code === ACCEPTED.code) this.accepted += 1;
    else addOne(this.byCode, outcome.code);
    if (isRight) return;
    this.unexpected += 1;
    addOne(this.surprises, `${kind}: ${outcome.status} ${outcome.code}`);
  }

  /** So many requests of a flood were taken beyond what its limit allows. */
  exceeded(kind: AttackKind, requests: number): void {
    this.withinAllowance -= requests;
    this.sent += requests;
    this.accepted += requests;
    this.unexpected += requests;
    this.surprises.set(`${kind}: beyond its limit`, requests);
  }
}

function addOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
