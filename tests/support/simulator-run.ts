import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parseFleet } from '../../firmware-sim/fleet/fleet-device.ts';
import { openRedis } from '../../platform/redis/open-redis.ts';
import { createLogger } from '../../platform/log/logger.ts';
import { beginLogs, countEntries, projectFleet } from '../../scripts/bench/load/prepare-log.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { startProgram, startService, type ServiceSettings } from './process.ts';
import { startRedis } from './redis.ts';
import { runProgram } from './run-program.ts';
import { SHARD_COUNT } from './worker-stores.ts';

const summarySchema = z.looseObject({
  ...{ honest_sent: z.int(), honest_accepted: z.int(), packs_accepted: z.int(), accepted: z.int() },
  ...{ attacks_sent: z.int(), attacks_accepted: z.int(), unexpected: z.int() },
  by_code: z.record(z.string(), z.int()),
});

export interface SimulatorEnd {
  readonly exitCode: number | null;
  readonly summary: z.infer<typeof summarySchema>;
  /** Packs in the log. */
  readonly admitted: number;
  readonly lines: readonly string[];
}

/** Runs the simulator against a real ingest that knows its fleet, attackers' devices included. */
export async function runSimulator(
  args: readonly string[],
  ingestSettings: ServiceSettings = {},
): Promise<SimulatorEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-simulator-'));
  await using server = await startRedis();
  const redis = openRedis({ url: server.url, name: 'test', manner: 'patient' }, createLogger('test', 'silent'));
  try {
    const fleetArgs = ['--fleet', folder, ...args.filter((_, index) => isFleetOption(args, index))];
    await runProgram('firmware-sim/main.js', ['manifest', ...fleetArgs, '--out', join(folder, 'manifest.json')], {});
    await beginLogs(redis, SHARD_COUNT);
    await projectFleet(redis, parseFleet(await readFile(join(folder, 'sim.json'), 'utf8')));
    const port = await findFreePort();
    await using _ingest = await startService('ingest', {
      ...{ REDIS_URL: server.url, TELLTALE_SHARDS: String(SHARD_COUNT), TELLTALE_INGEST_PORT: String(port) },
      ...ingestSettings,
    });
    const target = ['--url', `http://127.0.0.1:${port}`, '--fleet', folder];
    await using started = await startProgram('firmware-sim/main.js', ['run', '--json', ...target, ...args], {});
    const { code } = await started.running.exited;
    return {
      exitCode: code,
      summary: summarySchema.parse(JSON.parse(started.running.result)),
      admitted: await countEntries(redis, SHARD_COUNT),
      lines: started.running.lastLines(Infinity),
    };
  } finally {
    redis.disconnect();
    await rm(folder, { recursive: true, force: true });
  }
}

function isFleetOption(args: readonly string[], index: number): boolean {
  const ofFleet = ['--devices', '--attack'];
  return ofFleet.includes(args[index] ?? '') || ofFleet.includes(args[index - 1] ?? '');
}
