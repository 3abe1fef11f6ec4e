import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis } from '../../../platform/redis/open-redis.ts';
import { compiledProgram } from '../../dev-stack/compiled.ts';
import { plainEnvironment } from '../../dev-stack/environment.ts';
import { findFreePort } from '../../process/free-port.ts';
import { startProcess } from '../../process/running-process.ts';
import type { Bench, BenchContext, BenchReport } from '../bench.ts';
import { openPrivateRedis } from '../private-redis.ts';
import { startPrivateService } from '../private-service.ts';
import { AlertSource, SOURCE_FILTERS } from './alert-source.ts';
import { readCpuMs, readResidentBytes } from '../process-cost.ts';
import { RunningCrowd } from './running-crowd.ts';

const SOCKETS = 10_000;
const BURSTS = 40;
const BURST = 5;
const BURST_EVERY_MS = 500;
const SINGLES = 40;
const SINGLE_EVERY_MS = 250;
const SETTLE_MS = 2000;
const DELIVERED_WITHIN_MS = 20_000;
const LIVE_WITHIN_MS = 60_000;
const BARS = { burst: 0.35, single: 0.85, withinMs: 500 } as const;

interface Server {
  readonly port: number;
  readonly pid: number;
  /** What a subscriber says; one of a server that asks for nothing says nothing. */
  readonly message: string | undefined;
}

interface Phase {
  readonly delivered: number;
  readonly expected: number;
  /** Of the server, microseconds for each delivery. */
  readonly cpuUs: number;
  /** From the request for an alert to the last of the sockets that got it, one for each alert, ascending. */
  readonly withinMs: readonly number[];
}

interface Measurement {
  readonly bytesPerSocket: number;
  readonly burst: Phase;
  readonly single: Phase;
}

async function measure(server: Server, source: AlertSource, stop: AbortSignal): Promise<Measurement> {
  const { port, pid, message } = server;
  await delay(SETTLE_MS, undefined, { signal: stop });
  const before = readResidentBytes(pid);
  await using crowd = await RunningCrowd.open({ port, sockets: SOCKETS, message });
  if (message !== undefined) await crowd.untilLive(SOCKETS, LIVE_WITHIN_MS);
  await delay(SETTLE_MS, undefined, { signal: stop });
  const bytesPerSocket = (readResidentBytes(pid) - before) / SOCKETS;
  // The first alerts find nothing warm.
  await runPhase(crowd, pid, source, { groups: 4, size: BURST, everyMs: BURST_EVERY_MS }, stop);
  const burst = await runPhase(crowd, pid, source, { groups: BURSTS, size: BURST, everyMs: BURST_EVERY_MS }, stop);
  const single = await runPhase(crowd, pid, source, { groups: SINGLES, size: 1, everyMs: SINGLE_EVERY_MS }, stop);
  return { bytesPerSocket, burst, single };
}

async function runPhase(
  crowd: RunningCrowd,
  pid: number,
  source: AlertSource,
  { groups, size, everyMs }: { readonly groups: number; readonly size: number; readonly everyMs: number },
  stop: AbortSignal,
): Promise<Phase> {
  await crowd.take();
  const cpuBeforeMs = readCpuMs(pid);
  const asked: number[] = [];
  const startedMs = performance.now();
  for (let group = 0; group < groups; group += 1) {
    await delay(Math.max(0, startedMs + group * everyMs - performance.now()), undefined, { signal: stop });
    const raised = await Promise.all(Array.from({ length: size }, () => source.raise()));
    asked.push(...raised.map(({ askedAtMs }) => askedAtMs));
  }
  const expected = SOCKETS * groups * size;
  await delay(everyMs);
  const first = await crowd.take();
  let { delivered } = first;
  const all = [...first.alerts];
  const deadline = performance.now() + DELIVERED_WITHIN_MS;
  // What comes late belongs to the last alerts; a server that is that slow has missed its bar by far.
  while (delivered < expected && performance.now() < deadline) {
    await delay(everyMs, undefined, { signal: stop });
    const more = await crowd.take();
    delivered += more.delivered;
    all.push(...more.alerts);
  }
  const cpuUs = ((readCpuMs(pid) - cpuBeforeMs) * 1000) / Math.max(1, delivered);
  const withinMs = asked.map((askedAtMs, index) => (all[index]?.lastAtMs ?? Infinity) - askedAtMs);
  return { delivered, expected, cpuUs, withinMs: withinMs.sort((a, b) => a - b) };
}

async function runFanOut({ guard, folder, stop, say }: BenchContext): Promise<BenchReport> {
  const own = join(folder, 'fan-out');
  await mkdir(own);
  await using redis = await openPrivateRedis(join(own, 'redis'), 'everysec', guard);
  const client = openRedis({ url: redis.url, name: 'bench', manner: 'patient' }, createLogger('bench', 'silent'));
  try {
    const port = await findFreePort();
    say(`${SOCKETS} sockets on the broadcaster`);
    let ours: Measurement;
    {
      await using broadcaster = await startPrivateService({
        name: 'broadcaster',
        stores: { redisUrl: redis.url, databaseUrl: '' },
        folder: own,
        guard,
        port,
        settings: {
          TELLTALE_BROADCASTER_MAX_PER_ADDRESS: String(SOCKETS),
          TELLTALE_BROADCASTER_CONNECTS_PER_S: String(SOCKETS),
        },
      });
      await broadcaster.untilReady();
      const message = JSON.stringify({ type: 'subscribe', filters: SOURCE_FILTERS });
      ours = await measure({ port, pid: broadcaster.pid, message }, new AlertSource(client, 'fan-out'), stop);
    }
    say(`${SOCKETS} sockets on a loop over ws`);
    const wsPort = await findFreePort();
    const running = await startProcess(
      {
        name: 'ws',
        command: process.execPath,
        args: [compiledProgram('scripts/bench/fan-out/ws-server.js')],
        env: { ...plainEnvironment(process.env), REDIS_URL: redis.url, PORT: String(wsPort) },
        logPath: join(own, 'ws.log'),
      },
      guard,
    );
    try {
      const server = { port: wsPort, pid: running.pid, message: undefined };
      const theirs = await measure(server, new AlertSource(client, 'loop'), stop);
      return report(ours, theirs);
    } finally {
      await running.stop(10_000);
    }
  } finally {
    client.disconnect();
  }
}

function report(ours: Measurement, theirs: Measurement): BenchReport {
  const burstRatio = ours.burst.cpuUs / theirs.burst.cpuUs;
  const singleRatio = ours.single.cpuUs / theirs.single.cpuUs;
  const p99Of = ({ withinMs }: Phase): number => withinMs[Math.ceil(withinMs.length * 0.99) - 1] ?? Infinity;
  const p99Ms = p99Of(ours.single);
  const delivered = ours.burst.delivered + ours.single.delivered;
  const expected = ours.burst.expected + ours.single.expected;
  const theirMissing =
    theirs.burst.expected + theirs.single.expected - theirs.burst.delivered - theirs.single.delivered;
  const cost = ({ cpuUs }: Phase): string => `${cpuUs.toFixed(2)} us`;
  return {
    fields: {
      sockets: SOCKETS,
      delivered,
      expected,
      burst_cpu_ratio: Number(burstRatio.toFixed(3)),
      single_cpu_ratio: Number(singleRatio.toFixed(3)),
      all_within_ms_p99: Number(p99Ms.toFixed(1)),
      bytes_per_idle_socket: Math.round(ours.bytesPerSocket),
      ws_bytes_per_idle_socket: Math.round(theirs.bytesPerSocket),
      ws_all_within_ms_p99: Number(p99Of(theirs.single).toFixed(1)),
    },
    lines: [
      `delivered        ${delivered} of ${expected}`,
      `bursts of ${BURST}      ${cost(ours.burst)} a delivery, ws ${cost(theirs.burst)}: ${burstRatio.toFixed(3)} (bar ${BARS.burst})`,
      `single alerts    ${cost(ours.single)} a delivery, ws ${cost(theirs.single)}: ${singleRatio.toFixed(3)} (bar ${BARS.single})`,
      `the last client  has a single alert within ${p99Ms.toFixed(0)} ms (p99, bar ${BARS.withinMs}), of ws ${p99Of(theirs.single).toFixed(0)} ms`,
      `an idle socket   ${Math.round(ours.bytesPerSocket)} bytes of the server's memory, of ws ${Math.round(theirs.bytesPerSocket)}`,
    ],
    problems: [
      ...(delivered === expected ? [] : [`${delivered} alerts were delivered of ${expected}`]),
      ...(theirMissing === 0 ? [] : [`the reference delivered ${theirMissing} too few: the ratios mean nothing`]),
      ...(burstRatio <= BARS.burst ? [] : [`the ratio of bursts ${burstRatio.toFixed(3)} is above ${BARS.burst}`]),
      ...(singleRatio <= BARS.single
        ? []
        : [`the ratio of single alerts ${singleRatio.toFixed(3)} is above ${BARS.single}`]),
      ...(p99Ms <= BARS.withinMs ? [] : [`the last client has a single alert after ${p99Ms.toFixed(0)} ms`]),
    ],
  };
}

export const fanOutBench: Bench = {
  name: 'fanout',
  description: `alerts to ${SOCKETS.toLocaleString('en')} sockets, against a loop over the package ws`,
  run: runFanOut,
};
