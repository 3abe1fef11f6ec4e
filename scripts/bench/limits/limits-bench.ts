import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createApiKey } from '../../../core/identity/api-key.ts';
import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { openPrivateRedis } from '../private-redis.ts';
import { createBenchFleet } from '../load/bench-fleet.ts';
import { beginLogs, projectFleet } from '../load/prepare-log.ts';
import { loadBenchedConfig, startPrivateIngest } from '../load/private-ingest.ts';
import { signRequests } from '../load/sign-requests.ts';
import { WARM_UP_MS } from '../load/warm-up.ts';
import { PacedLoad } from '../load/paced-load.ts';
import { startFlood } from './start-flood.ts';

const HONEST_DEVICES = 300;
const HONEST_CONNECTIONS = 100;
const HONEST_PER_S = 3000;
const DURATION_S = 20;
const FLOOD_CONNECTIONS = 32;
const BARS = { share: 0.95, p99Ms: 100 } as const;

/** Half of the flood has a valid API key and a signature that is wrong; the other half has API keys that nobody has. */
function spoil(request: Buffer, index: number): Buffer {
  const text = request.toString('latin1');
  const wrong = text.replace(/Signature: sig1=:[^:]*:/, `Signature: sig1=:${Buffer.alloc(64, 7).toString('base64')}:`);
  const apiKey = createApiKey(randomBytes).text;
  return Buffer.from(index % 2 === 0 ? wrong : wrong.replace(/X-API-Key: \S+/, `X-API-Key: ${apiKey}`), 'latin1');
}

async function runLimitsBench({ guard, folder, stop, say }: BenchContext): Promise<BenchReport> {
  const config = loadBenchedConfig();
  const devices = createBenchFleet(HONEST_DEVICES + 1);
  const honest = devices.slice(0, HONEST_DEVICES);
  const redisFolder = join(folder, 'limits');
  await mkdir(redisFolder);
  await using redis = await openPrivateRedis(join(redisFolder, 'redis'), 'always', guard);
  await beginLogs(redis.client, config.TELLTALE_SHARDS);
  await projectFleet(redis.client, devices);
  await using ingest = await startPrivateIngest(redis.url, redisFolder, guard);
  const host = `127.0.0.1:${ingest.port}`;
  const perConnection = (HONEST_PER_S * DURATION_S) / HONEST_CONNECTIONS;
  say(`signing ${HONEST_PER_S * DURATION_S} requests`);
  const requests = await signRequests(honest, { connections: HONEST_CONNECTIONS, requests: perConnection, host, stop });
  const [floodRequests = []] = await signRequests(devices.slice(HONEST_DEVICES), {
    connections: 1,
    requests: FLOOD_CONNECTIONS,
    host,
    stop,
  });
  say(`${HONEST_PER_S} honest requests a second for ${DURATION_S} s, and a flood on ${FLOOD_CONNECTIONS} connections`);
  await using flood = await startFlood({
    port: ingest.port,
    requests: floodRequests.map(spoil),
    firstAddress: HONEST_CONNECTIONS,
  });
  const load = await new PacedLoad({
    ...{ port: ingest.port, requests, perS: HONEST_PER_S, warmUpMs: WARM_UP_MS, stop },
  }).run();
  const flooded = await flood.stop();
  const longestFsyncMs = await redis.longestFsyncMs();
  const share = load.accepted / load.due;
  const statuses = [...flooded.statuses].map(([status, count]) => `${status}: ${count}`).join(', ');
  return {
    fields: {
      honest_accepted_share: Number(share.toFixed(4)),
      honest_p99_ms: Number(load.p99Ms.toFixed(3)),
      flood_per_s: Math.round(flooded.perS),
      fsync_longest_ms: longestFsyncMs,
    },
    lines: [
      `honest   ${load.accepted} of ${load.due} accepted, p99 ${load.p99Ms.toFixed(1)} ms (bar ${BARS.p99Ms})`,
      `flood    ${Math.round(flooded.perS)} requests/s, answered ${statuses}`,
      `disk     the longest sync of the log, warm-up included: ${longestFsyncMs === 0 ? 'below 10' : longestFsyncMs} ms`,
    ],
    problems: [
      ...(share >= BARS.share ? [] : [`the honest share ${share.toFixed(3)} is below ${BARS.share}`]),
      ...(load.p99Ms <= BARS.p99Ms ? [] : [`the honest p99 of ${load.p99Ms.toFixed(1)} ms is above ${BARS.p99Ms}`]),
      ...(flooded.statuses.has(202) ? ['a request of the flood was accepted'] : []),
      ...[...load.refused].map(([status, count]) => `${count} honest requests were answered ${status}`),
    ],
  };
}

export const limitsBench: Bench = {
  name: 'limits',
  description: 'honest devices beside a flood of bad signatures and unknown API keys',
  run: runLimitsBench,
};
