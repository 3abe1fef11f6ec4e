import { pause } from '../pause.ts';
import { attempt } from './attempt.ts';
import type { AttackerParts } from './attacker.ts';
import { ACCEPTED } from './required-outcome.ts';
import { FloodAllowance } from './flood-allowance.ts';

export const FLOOD_CONNECTIONS = 16;
/** A flood goes on until its limit has held so often, then lets the allowance come back. */
const REFUSALS_OF_A_BURST = 50;
const LONGEST_BURST_MS = 2000;
const BETWEEN_BURSTS_MS = 4000;

/** Sends as fast as it can, in bursts, on many connections of one address. */
export async function runFlooder(parts: AttackerParts, stop: AbortSignal, abandon: AbortSignal): Promise<void> {
  const allowance = new FloodAllowance(performance.now());
  while (!stop.aborted) {
    const burst = new Burst(stop);
    const lanes = Array.from({ length: FLOOD_CONNECTIONS }, () => runLane(parts, allowance, burst, abandon));
    await Promise.all(lanes);
    await pause(BETWEEN_BURSTS_MS, stop);
  }
  const excess = allowance.excess(performance.now());
  if (excess > 0) parts.tally.exceeded(parts.kind, excess);
}

class Burst {
  refusals = 0;
  readonly #startedMs = performance.now();
  readonly #stop: AbortSignal;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
  }

  get isOver(): boolean {
    const isLong = performance.now() - this.#startedMs > LONGEST_BURST_MS;
    return this.#stop.aborted || isLong || this.refusals >= REFUSALS_OF_A_BURST;
  }
}

async function runLane(
  { kind, forge, connection, tally }: AttackerParts,
  allowance: FloodAllowance,
  burst: Burst,
  abandon: AbortSignal,
): Promise<void> {
  while (!burst.isOver) {
    const attack = forge();
    const attempted = attack === undefined ? undefined : await attempt(connection, attack, abandon);
    if (attack === undefined || attempted === undefined) return;
    if (attempted.outcome.code === ACCEPTED.code) allowance.take();
    else burst.refusals += 1;
    allowance.learn(attempted.reply?.rateLimitPolicy);
    tally.record(kind, attempted.outcome, attack.required);
  }
}
