import { setTimeout as delay } from 'node:timers/promises';
import type { Guard } from '../../../scripts/process/guard.ts';
import { eventually } from '../../support/eventually.ts';
import { prepareRedisCluster, type Master, type PreparedCluster } from '../../support/redis-cluster.ts';
import type { Breakable, ChaosRedis } from './chaos-redis.ts';
import { Member } from './member.ts';

const FAILOVER_DEADLINE_MS = 30_000;

/** Not started. */
export async function prepareClusterRedis(
  folder: string,
  guard: Guard,
  onEnd: (what: string) => void,
): Promise<ChaosRedis & { readonly member: ClusterMember }> {
  const cluster = await prepareRedisCluster(folder, guard);
  const members = cluster.nodes.map(({ start }, number) => new Member(`redis-${number + 1}`, start, onEnd));
  return {
    url: cluster.url,
    ways: cluster.nodes.map(({ way }) => way),
    serverUrls: cluster.nodes.map(({ url }) => url),
    member: new ClusterMember(cluster, members),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** All nodes of a cluster, of which one master at a time is killed or frozen, each in its turn. */
export class ClusterMember implements Breakable {
  readonly #cluster: PreparedCluster;
  readonly #members: readonly Member[];
  #joined = false;
  #turn = 0;

  constructor(cluster: PreparedCluster, members: readonly Member[]) {
    this.#cluster = cluster;
    this.#members = members;
  }

  get runs(): boolean {
    return this.#members.every(({ runs }) => runs);
  }

  async start(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.start()));
    if (!this.#joined) await this.#cluster.join();
    this.#joined = true;
    await this.#cluster.settle();
  }

  /** Resolves when its replica has taken over. */
  async kill9(): Promise<void> {
    await this.killBehind(0);
  }

  /** As kill9, of a master from which its replica has heard nothing for so long: what it says last nobody else knows. */
  async killBehind(behindMs: number): Promise<void> {
    const { node, replica } = await this.#nextMaster();
    if (replica === undefined) throw new Error('the master has no replica');
    const reconnect = behindMs > 0 ? await this.#cluster.disconnect(node, replica) : undefined;
    await delay(behindMs);
    await this.#memberOf(node).kill9();
    await reconnect?.();
    await this.#untilMaster(replica);
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop(signal)));
  }

  /** Resolves when its replica has taken over. */
  async freeze(): Promise<void> {
    const { node, replica } = await this.#nextMaster();
    await this.#memberOf(node).freeze();
    await this.#untilMaster(replica);
  }

  resume(): void {
    for (const member of this.#members) member.resume();
  }

  async #untilMaster(replica: number | undefined): Promise<void> {
    await eventually(async () => {
      const masters = await this.#cluster.masters();
      if (!masters.some(({ node }) => node === replica)) throw new Error('no replica has taken over');
    }, FAILOVER_DEADLINE_MS);
  }

  async #nextMaster(): Promise<Master> {
    await this.#cluster.settle();
    const masters = await this.#cluster.masters();
    const master = masters[this.#turn % masters.length];
    if (master === undefined) throw new Error('the cluster has no master');
    this.#turn += 1;
    return master;
  }

  #memberOf(number: number): Member {
    const member = this.#members[number];
    if (member === undefined) throw new Error(`there is no node ${number}`);
    return member;
  }
}
