import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { startProcess, type RunningProcess } from '../process/running-process.ts';
import { compiledProgram } from './compiled.ts';
import { plainEnvironment, type Stores } from './environment.ts';
import type { Stack } from './stack.ts';

const DEVICES = 50;
const FIRST_QUAKE_S = 15;
const QUAKE_EVERY_S = 60;

export interface DemoFleetOptions {
  readonly fleetFolder: string;
  readonly ingestUrl: string;
  /** Where acknowledged readings are noted, when somebody will count them. */
  readonly ledgerPath: string | undefined;
}

const simSummarySchema = z.object({ accepted: z.int(), rejected: z.int() });
type SimSummary = z.infer<typeof simSummarySchema>;

export class DemoFleet {
  readonly #running: RunningProcess;

  constructor(running: RunningProcess) {
    this.#running = running;
  }

  /** Answers when every reading in flight has its outcome. */
  async drain(deadlineMs: number): Promise<SimSummary> {
    await this.#running.stop(deadlineMs);
    return this.#parseSummary();
  }

  #parseSummary(): SimSummary {
    try {
      return simSummarySchema.parse(JSON.parse(this.#running.result));
    } catch {
      throw this.#running.explain('ended without its summary');
    }
  }
}

/** Answers the folder of the fleet: its keys stay there between runs. */
export async function registerDemoFleet(stack: Stack, stores: Stores): Promise<string> {
  const fleetFolder = join(stack.settings.TELLTALE_DEV_DIR, 'fleets', 'demo');
  const manifest = join(fleetFolder, 'manifest.json');
  await mkdir(fleetFolder, { recursive: true, mode: 0o700 });
  const args = ['manifest', '--devices', String(DEVICES), '--fleet', fleetFolder, '--out', manifest];
  await stack.run('manifest', ['firmware-sim/main.js', ...args], stores);
  await stack.run('fleet', ['scripts/admin.js', 'fleet', manifest], stores);
  return fleetFolder;
}

export async function startDemoFleet(stack: Stack, options: DemoFleetOptions): Promise<DemoFleet> {
  const running = await stack.keep((guard) =>
    startProcess(
      {
        name: 'firmware-sim',
        command: process.execPath,
        args: [
          compiledProgram('firmware-sim/main.js'),
          ...['run', '--json', '--url', options.ingestUrl, '--fleet', options.fleetFolder],
          ...['--devices', String(DEVICES), '--rate', '1', '--duration', '0'],
          ...['--scenario', 'quake', '--quake-after', String(FIRST_QUAKE_S), '--quake-every', String(QUAKE_EVERY_S)],
          ...(options.ledgerPath === undefined ? [] : ['--ledger', options.ledgerPath]),
        ],
        env: plainEnvironment(process.env),
        logPath: stack.logPath('firmware-sim'),
      },
      guard,
    ),
  );
  return new DemoFleet(running);
}
