import assert from 'node:assert/strict';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunningProcess } from '../../scripts/process/running-process.ts';
import type { TestPlatform } from './platform.ts';
import { startProgram } from './process.ts';

const DRAIN_DEADLINE_MS = 40_000;

const summarySchema = z.object({
  packs_sent: z.int(),
  packs_accepted: z.int(),
  packs_already_delivered: z.int(),
  accepted: z.int(),
  rejected: z.int(),
  by_code: z.record(z.string(), z.int()),
  unacknowledged: z.int(),
  dropped: z.int(),
  sent_again: z.record(z.string(), z.int()),
  replay: z.object({ origin_us: z.int(), start_us: z.int(), speed: z.number() }).optional(),
});

export interface FleetOutcome {
  readonly summary: z.infer<typeof summarySchema>;
  readonly exitCode: number | null;
  /** What it wrote, beside the summary. */
  readonly lines: readonly string[];
}

/** Devices that sign and send as real ones do, and note in a ledger what was acknowledged to them. */
export class SimulatedFleet {
  readonly ledgerPath: string;
  readonly #running: RunningProcess;

  constructor(running: RunningProcess, ledgerPath: string) {
    this.#running = running;
    this.ledgerPath = ledgerPath;
  }

  /** Lets it go on until its time is over and every reading has its outcome. */
  async outcome(): Promise<FleetOutcome> {
    const { code } = await this.#running.exited;
    return this.#parseOutcome(code);
  }

  /** The devices measure nothing new; answers when every reading has its outcome. */
  async drain(): Promise<FleetOutcome> {
    const { code } = await this.#running.stop(DRAIN_DEADLINE_MS);
    return this.#parseOutcome(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its process group: the command and the simulator that it runs.
    if (!this.#running.hasExited) process.kill(-this.#running.pid, 'SIGKILL');
    await this.#running.exited;
  }

  #parseOutcome(exitCode: number | null): FleetOutcome {
    const summary = summarySchema.safeParse(parseJson(this.#running.result));
    if (!summary.success) throw this.#running.explain('ended without its summary');
    return { summary: summary.data, exitCode, lines: this.#running.lastLines(Infinity).slice(0, -1) };
  }
}

/**
 * An ingest that ends in order has answered what it took. A disk that stands still for longer than ingest waits for it is
 * another matter: who is told to come back, or hears nothing in time, may find that the pack is there.
 */
export function assertNoReplyLost({ summary }: FleetOutcome): void {
  const { packs_already_delivered: known, sent_again: sentAgain } = summary;
  const { 'connection-lost': lost = 0, 'connection-refused': _refused, ...excused } = sentAgain;
  const excuses = Object.values(excused).reduce((sum, count) => sum + count, 0);
  assert.equal(lost, 0, `a connection was cut over a request: ${JSON.stringify(sentAgain)}`);
  assert.ok(known <= excuses, `${known} replies were lost: ${JSON.stringify(sentAgain)}`);
}

/** Registers the devices and lets them send, as `npm run sim` does. */
export async function startFleet(platform: TestPlatform, args: readonly string[]): Promise<SimulatedFleet> {
  const ledgerPath = join(platform.folder, 'ledger.ndjson');
  const { running } = await startProgram(
    'scripts/sim.js',
    ['--url', platform.ingestUrl, '--fleet', platform.folder, '--ledger', ledgerPath, '--json', ...args],
    { DATABASE_URL: platform.stores.databaseUrl, REDIS_URL: platform.stores.redisUrl },
    platform.tree,
  );
  return new SimulatedFleet(running, ledgerPath);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
