import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { z } from 'zod';
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
const ANSWER_MS = 1000;
/** Of CLUSTER SLOTS. */
const nodeSchema = z.tuple([z.string(), z.int()], z.unknown());
const slotsSchema = z.array(z.tuple([z.int(), z.int(), nodeSchema, nodeSchema.optional()]));

export interface ClusterNode {
  /** Of the server itself. */
  readonly url: string;
  readonly busPort: number;
  /** Between it and everybody else but the bus. */
  readonly way: CutOffServer;
  readonly start: () => Promise<RunningProcess>;
}

export interface Master {
  /** Index of the node. */
  readonly node: number;
  /** Index of the node that follows it; undefined when none does. */
  readonly replica: number | undefined;
}

/** Three masters and three replicas, each behind a way that can be cut. */
export interface PreparedCluster extends AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  /** Of all nodes through their ways, as REDIS_URL has it. */
  readonly url: string;
  /** Makes a cluster of the servers once they run for the first time; resolves when it serves. */
  readonly join: () => Promise<void>;
  /** Resolves when all nodes answer and agree, and every master has a replica that follows it. */
  readonly settle: () => Promise<void>;
  /** The nodes that have slots; rejects while those that answer do not agree about it. */
  readonly masters: () => Promise<readonly Master[]>;
  /** Nothing passes from a master to its replica until the answer is called. */
  readonly disconnect: (master: number, replica: number) => Promise<() => Promise<void>>;
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
    settle: () => settle(nodes),
    masters: () => findMasters(nodes),
    disconnect: async (master, replica) => {
      await tell(nodes[replica], ['CONFIG', 'SET', 'masterauth', 'another']);
      await tell(nodes[master], ['CLIENT', 'KILL', 'TYPE', 'replica']);
      return () => tell(nodes[replica], ['CONFIG', 'SET', 'masterauth', password]);
    },
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
  } finally {
    for (const client of clients) client.disconnect();
  }
  await settle(nodes);
}

async function settle(nodes: readonly ClusterNode[]): Promise<void> {
  await eventually(async () => {
    const settled = await Promise.all(nodes.map((node) => ask(node, assertSettled)));
    assert.ok(
      settled.every((each) => each === true),
      'a node does not answer',
    );
    assert.equal((await findMasters(nodes)).length, MASTERS);
  }, SETTLE_MS);
}

async function findMasters(nodes: readonly ClusterNode[]): Promise<readonly Master[]> {
  const views = await Promise.all(nodes.map((node) => ask(node, readMasters)));
  const [first, ...others] = views.filter((view) => view !== undefined);
  if (first === undefined) throw new Error('no node answers');
  for (const other of others) assert.deepEqual(other, first);
  const indexOf = (port: number): number => nodes.findIndex(({ way }) => way.port === port);
  return [...first].map(([port, replica]) => ({
    node: indexOf(port),
    replica: replica === undefined ? undefined : indexOf(replica),
  }));
}

/** Ports of masters to those of their replicas. */
async function readMasters(client: Redis): Promise<ReadonlyMap<number, number | undefined>> {
  const slots = slotsSchema.parse(await client.cluster('SLOTS'));
  return new Map(slots.map(([, , [, master], replica]) => [master, replica?.[1]]));
}

/** Undefined when the server does not answer. */
async function ask<T>({ url }: ClusterNode, use: (client: Redis) => Promise<T>): Promise<T | undefined> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, commandTimeout: ANSWER_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
  } catch {
    client.disconnect();
    return undefined;
  }
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

async function tell(node: ClusterNode | undefined, [command = '', ...args]: readonly string[]): Promise<void> {
  const told = node && (await ask(node, (client) => client.call(command, args)));
  if (told === undefined) throw new Error('the node does not answer');
}

async function findMaster(nodes: readonly ClusterNode[], key: string): Promise<number> {
  const candidates = await Promise.all(nodes.map((node) => ask(node, (client) => hasKey(client, key))));
  const found = candidates.indexOf(true);
  if (found < 0) throw new Error(`no node has ${key}`);
  return found;
}

/** A replica answers that the key is elsewhere. */
async function hasKey(client: Redis, key: string): Promise<boolean> {
  return await client.exists(key).then(
    () => true,
    () => false,
  );
}

function slotFrom(master: number): number {
  return Math.floor((master * SLOTS) / MASTERS);
}

async function idOf(client: Redis | undefined): Promise<string> {
  return String(await client?.cluster('MYID'));
}

/** All nodes agree on who serves what, and each master has its replica. */
async function assertSettled(client: Redis): Promise<true> {
  assert.match(await client.cluster('INFO'), /cluster_state:ok/);
  assert.match(await client.info('replication'), /role:master[^]*connected_slaves:1|master_link_status:up/);
  return true;
}
