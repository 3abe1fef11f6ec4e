import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedis, type Fsync } from '../../scripts/dev-stack/start-redis.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import type { Guard } from '../../scripts/process/guard.ts';
import type { RunningProcess } from '../../scripts/process/running-process.ts';
import { standBefore, type CutOffServer } from './cut-off-server.ts';
import { eventually } from './eventually.ts';

const MASTERS = 3;
const NODES = 2 * MASTERS;
const SLOTS = 16_384;
/** A master that does not answer for so long is replaced. */
const NODE_TIMEOUT_MS = 2000;
const SETTLE_MS = 30_000;

export interface ClusterNode {
  /** Of the server itself. */
  readonly url: string;
  readonly busPort: number;
  /** Between it and everybody else but the bus. */
  readonly way: CutOffServer;
  readonly start: () => Promise<RunningProcess>;
}

/** Three masters and three replicas, each behind a way that can be cut. */
export interface PreparedCluster extends AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  /** Of all nodes through their ways, as REDIS_URL has it. */
  readonly url: string;
  /** Makes a cluster of the servers once they run for the first time; resolves when it serves. */
  readonly join: () => Promise<void>;
  /** The number of the node that has the key now. */
  readonly masterOf: (key: string) => Promise<number>;
}

/** Not started. */
export async function prepareRedisCluster(
  folder: string,
  guard: Guard | undefined,
  options: { readonly fsync?: Fsync } = {},
): Promise<PreparedCluster> {
  const password = randomBytes(18).toString('base64url');
  const nodes: ClusterNode[] = [];
  const through: string[] = [];
  for (let number = 1; number <= NODES; number += 1) {
    const [port, busPort] = [await findFreePort(), await findFreePort()];
    const url = `redis://:${password}@127.0.0.1:${port}`;
    const { server: way, url: throughWay } = await standBefore(url);
    const cluster = { busPort, announcedPort: way.port, nodeTimeoutMs: NODE_TIMEOUT_MS };
    const own = { ...options, port, password, cluster, folder: join(folder, `redis-${number}`) };
    nodes.push({ url, busPort, way, start: async () => (await startRedis(own, guard)).process });
    through.push(throughWay);
  }
  return {
    nodes,
    url: through.join(','),
    join: () => joinNodes(nodes),
    masterOf: (key) => findMaster(nodes, key),
    [Symbol.asyncDispose]: async () => {
      for (const { way } of nodes) await way[Symbol.asyncDispose]();
    },
  };
}

async function joinNodes(nodes: readonly ClusterNode[]): Promise<void> {
  const clients = nodes.map(({ url }) => new Redis(url));
  try {
    for (const [number, client] of clients.entries()) {
      await client.cluster('SET-CONFIG-EPOCH', number + 1);
      if (number >= MASTERS) continue;
      const [from, end] = [slotFrom(number), slotFrom(number + 1)];
      await client.cluster('ADDSLOTSRANGE', from, end - 1);
    }
    for (const { url, busPort } of nodes) {
      await clients[0]?.cluster('MEET', '127.0.0.1', Number(new URL(url).port), busPort);
    }
    const known = async (client: Redis): Promise<void> => {
      assert.match(await client.cluster('INFO'), new RegExp(`cluster_known_nodes:${NODES}\r`));
    };
    await eventually(() => Promise.all(clients.map(known)), SETTLE_MS);
    for (const [number, client] of clients.entries()) {
      if (number >= MASTERS) await client.cluster('REPLICATE', await idOf(clients[number - MASTERS]));
    }
    await eventually(() => Promise.all(clients.map(assertSettled)), SETTLE_MS);
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function findMaster(nodes: readonly ClusterNode[], key: string): Promise<number> {
  const candidates = await Promise.all(nodes.map((node) => hasKey(node, key)));
  const found = candidates.indexOf(true);
  if (found < 0) throw new Error(`no node has ${key}`);
  return found;
}

/** A replica answers that the key is elsewhere, and a server that is away nothing. */
async function hasKey({ url }: ClusterNode, key: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, commandTimeout: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.exists(key);
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

function slotFrom(master: number): number {
  return Math.floor((master * SLOTS) / MASTERS);
}

async function idOf(client: Redis | undefined): Promise<string> {
  return String(await client?.cluster('MYID'));
}

/** All nodes agree on who serves what, and each master has its replica. */
async function assertSettled(client: Redis): Promise<void> {
  assert.match(await client.cluster('INFO'), /cluster_state:ok/);
  assert.match(await client.info('replication'), /role:master[^]*connected_slaves:1|master_link_status:up/);
}
