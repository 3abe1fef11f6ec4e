import { join } from 'node:path';
import type { BenchContext } from '../../../scripts/bench/bench.ts';
import { openPrivateRedis } from '../../../scripts/bench/private-redis.ts';
import { startPrivateService, type PrivateService } from '../../../scripts/bench/private-service.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { ReconnectStorm } from './reconnect-storm.ts';

/** The last line of `npm run stress -- reconnect --json`. */
export interface ReconnectReport {
  readonly clients: number;
  /** After a stop that told the clients when to come back, and after a kill -9 that told them nothing. */
  readonly back_after_restart: number;
  readonly restart_s: number;
  readonly back_after_kill: number;
  readonly kill_s: number;
  readonly gaps: number;
}

const CONNECT_WITHIN_MS = 120_000;
const BACK_WITHIN_MS = 60_000;
const BAR_S = 30;

export function isProven({
  clients,
  back_after_restart,
  restart_s,
  back_after_kill,
  kill_s,
  gaps,
}: ReconnectReport): boolean {
  const areAllBack = back_after_restart === clients && back_after_kill === clients;
  return areAllBack && restart_s <= BAR_S && kill_s <= BAR_S && gaps === 0;
}

export async function stressReconnect(clients: number, { folder, guard, say }: BenchContext): Promise<ReconnectReport> {
  await using redis = await openPrivateRedis(join(folder, 'redis'), 'always', guard);
  const port = await findFreePort();
  let broadcaster: PrivateService | undefined;
  const start = async (): Promise<void> => {
    broadcaster = await startPrivateService({
      name: 'broadcaster',
      stores: { redisUrl: redis.url, databaseUrl: '' },
      folder,
      guard,
      port,
      settings: {
        TELLTALE_BROADCASTER_PUBLIC: 'true',
        TELLTALE_BROADCASTER_JWKS_PATH: '',
        TELLTALE_BROADCASTER_MAX_PER_ADDRESS: String(clients),
      },
    });
    await broadcaster.untilReady();
  };
  await start();
  try {
    using storm = new ReconnectStorm();
    say(`${clients} clients connect`);
    await storm.connect(`ws://127.0.0.1:${port}/ws/alerts`, clients, CONNECT_WITHIN_MS);
    say('the broadcaster restarts');
    const restarted = await storm.run(async () => {
      await broadcaster?.[Symbol.asyncDispose]();
      await start();
    }, BACK_WITHIN_MS);
    say('the broadcaster is killed');
    const killed = await storm.run(async () => {
      if (broadcaster !== undefined) process.kill(broadcaster.pid, 'SIGKILL');
      await start();
    }, BACK_WITHIN_MS);
    return {
      clients,
      back_after_restart: restarted.back,
      restart_s: Number(restarted.lastBackS.toFixed(1)),
      back_after_kill: killed.back,
      kill_s: Number(killed.lastBackS.toFixed(1)),
      gaps: killed.gaps,
    };
  } finally {
    await broadcaster?.[Symbol.asyncDispose]();
  }
}
