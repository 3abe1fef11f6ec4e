import { TestAlertLog } from './alert-log.ts';
import type { ServiceSettings } from './process.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { startBroadcasterProcess, type RunningBroadcaster } from './running-broadcaster.ts';

/** A broadcaster to which everybody may listen, the Redis behind it, and the log that it tells. */
export interface TestAlertStream extends AsyncDisposable {
  readonly server: TestRedis;
  readonly broadcaster: RunningBroadcaster;
  readonly log: TestAlertLog;
}

export async function startAlertStream(settings: ServiceSettings = {}): Promise<TestAlertStream> {
  const server = await startRedis();
  let broadcaster: RunningBroadcaster;
  try {
    broadcaster = await startBroadcasterProcess(server.url, { TELLTALE_BROADCASTER_PUBLIC: 'true', ...settings });
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  const log = new TestAlertLog(server.url);
  return {
    server,
    broadcaster,
    log,
    async [Symbol.asyncDispose]() {
      log[Symbol.dispose]();
      await broadcaster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
