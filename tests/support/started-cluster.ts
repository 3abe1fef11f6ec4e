import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningProcess } from '../../scripts/process/running-process.ts';
import { endWithTests } from './end-with-tests.ts';
import { prepareRedisCluster, type PreparedCluster } from './redis-cluster.ts';

const STOP_DEADLINE_MS = 10_000;

/** A Redis Cluster whose nodes can be killed. */
export class TestCluster implements AsyncDisposable {
  readonly #prepared: PreparedCluster;
  readonly #processes: RunningProcess[];
  readonly #folder: string;

  constructor(prepared: PreparedCluster, processes: RunningProcess[], folder: string) {
    this.#prepared = prepared;
    this.#processes = processes;
    this.#folder = folder;
  }

  get url(): string {
    return this.#prepared.url;
  }

  /** The same, with the node first that has the key. */
  async urlFrom(key: string): Promise<string> {
    const urls = this.#prepared.url.split(',');
    const number = await this.#prepared.masterOf(key);
    return [...urls.slice(number), ...urls.slice(0, number)].join(',');
  }

  /** Kills the master that has the key; answers a start of it, after which it is a replica. */
  async killMasterOf(key: string): Promise<() => Promise<void>> {
    const number = await this.#prepared.masterOf(key);
    const [node, running] = [this.#prepared.nodes[number], this.#processes[number]];
    if (node === undefined || running === undefined) throw new Error(`nobody has ${key}`);
    running.kill('SIGKILL');
    await running.exited;
    return async () => {
      this.#processes[number] = await node.start();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((running) => running.stop(STOP_DEADLINE_MS)));
    await this.#prepared[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export async function startRedisCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-cluster-'));
  const prepared = await prepareRedisCluster(folder, undefined);
  const processes = await Promise.all(prepared.nodes.map(({ start }) => start()));
  for (const running of processes) endWithTests(running);
  const cluster = new TestCluster(prepared, processes, folder);
  try {
    await prepared.join();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}
