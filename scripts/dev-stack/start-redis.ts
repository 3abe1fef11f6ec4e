import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Guard } from '../process/guard.ts';
import { startProcess, type RunningProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';
import { plainEnvironment } from './environment.ts';

const READY_DEADLINE_MS = 30_000;

/** When Redis syncs its append-only file. */
export const FSYNCS = ['always', 'everysec', 'no'] as const;
export type Fsync = (typeof FSYNCS)[number];

export interface RedisOptions {
  readonly port: number;
  readonly password: string;
  /** Its own: configuration and data. */
  readonly folder: string;
  readonly logPath?: string;
  /** What Telltale requires when it is not given: always. */
  readonly fsync?: Fsync;
  /** As a node of a cluster, which is made of such servers afterwards. */
  readonly cluster?: ClusterNode;
  /** Beside what it has anyway. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ClusterNode {
  /** For the other nodes. */
  readonly busPort: number;
  /** Where clients and replicas are told to connect. */
  readonly announcedPort: number;
  /** After which a node that does not answer has failed. */
  readonly nodeTimeoutMs: number;
}

export interface RunningRedis {
  readonly process: RunningProcess;
  readonly url: string;
}

async function answersPing(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
    return true;
  } finally {
    redis.disconnect();
  }
}

/** A redis-server with the settings that Telltale requires: every write on disk before its answer, and no eviction. */
export async function startRedis(options: RedisOptions, guard?: Guard): Promise<RunningRedis> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const configPath = join(options.folder, 'redis.conf');
  // The password is in a file, not in the arguments that every user of the machine can list.
  await writeFile(
    configPath,
    [
      'bind 127.0.0.1',
      `port ${options.port}`,
      `requirepass ${options.password}`,
      `dir ${JSON.stringify(options.folder)}`,
      'appendonly yes',
      `appendfsync ${options.fsync ?? 'always'}`,
      'maxmemory-policy noeviction',
      'save ""',
      ...(options.cluster === undefined ? [] : clusterSettings(options.cluster, options.password)),
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  const running = await startProcess(
    {
      name: 'redis-server',
      command: 'redis-server',
      args: [configPath],
      env: { ...plainEnvironment(process.env), ...options.environment },
      ...(options.logPath !== undefined && { logPath: options.logPath }),
    },
    guard,
  );
  const url = `redis://:${options.password}@127.0.0.1:${options.port}`;
  await waitUntilReady(running, () => answersPing(url), READY_DEADLINE_MS);
  return { process: running, url };
}

function clusterSettings({ busPort, announcedPort, nodeTimeoutMs }: ClusterNode, password: string): readonly string[] {
  return [
    'cluster-enabled yes',
    `cluster-port ${busPort}`,
    'cluster-announce-ip 127.0.0.1',
    `cluster-announce-port ${announcedPort}`,
    `cluster-node-timeout ${nodeTimeoutMs}`,
    // Shards whose master is there are served while others wait for theirs.
    'cluster-require-full-coverage no',
    `masterauth ${password}`,
  ];
}
