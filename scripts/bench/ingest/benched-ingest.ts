import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Histogram } from 'hdr-histogram-js';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';
import type { BenchContext } from '../bench.ts';
import { openPrivateRedis, type Fsync, type PrivateRedis } from '../private-redis.ts';
import { ClosedLoop } from '../load/closed-loop.ts';
import { beginLogs, countEntries, projectFleet } from '../load/prepare-log.ts';
import { startPrivateIngest, type PrivateIngest } from '../load/private-ingest.ts';
import { signRequests } from '../load/sign-requests.ts';

export interface LoadPlan {
  readonly devices: readonly FleetDevice[];
  readonly shardCount: number;
  readonly connections: number;
}

/** One stretch of load. */
export interface LoadWindow {
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** As many requests a second are signed as can be sent; one that is not sent is not wasted, one too few ends the run. */
  readonly mostPerS: number;
}

/** All windows of an ingest together. */
export interface IngestMeasurement {
  /** In and outside the windows. */
  readonly accepted: number;
  /** In the streams of all shards. */
  readonly entries: number;
  readonly acceptedPerS: number;
  /** The same of each window, in order. */
  readonly windowsPerS: readonly number[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests without a 202, by problem code or by what happened to their connection. */
  readonly failures: ReadonlyMap<string, number>;
}

/** An ingest and a Redis of its own, loaded in windows. */
export class BenchedIngest implements AsyncDisposable {
  readonly #plan: LoadPlan;
  readonly #stop: AbortSignal;
  readonly #redis: PrivateRedis;
  readonly #ingest: PrivateIngest;
  readonly #latencyUs: Histogram = build({ bitBucketSize: 32, autoResize: true, numberOfSignificantValueDigits: 3 });
  readonly #failures = new Map<string, number>();
  readonly #windowsPerS: number[] = [];
  #accepted = 0;
  #measuredMs = 0;

  private constructor(plan: LoadPlan, stop: AbortSignal, redis: PrivateRedis, ingest: PrivateIngest) {
    this.#plan = plan;
    this.#stop = stop;
    this.#redis = redis;
    this.#ingest = ingest;
  }

  static async open(fsync: Fsync, plan: LoadPlan, { folder, guard, stop }: BenchContext): Promise<BenchedIngest> {
    const own = join(folder, fsync);
    await mkdir(own);
    const redis = await openPrivateRedis(join(own, 'redis'), fsync, guard);
    try {
      await beginLogs(redis.client, plan.shardCount);
      await projectFleet(redis.client, plan.devices);
      return new BenchedIngest(plan, stop, redis, await startPrivateIngest(redis.url, own, guard));
    } catch (error) {
      await redis[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Requests for one window: they are signed for now, so that they have to be sent soon. */
  sign({ warmUpMs, windowMs, mostPerS }: LoadWindow): Promise<Buffer[][]> {
    const { devices, connections } = this.#plan;
    return signRequests(devices, {
      connections,
      requests: Math.ceil((mostPerS * (warmUpMs + windowMs)) / 1000 / connections),
      host: `127.0.0.1:${this.#ingest.port}`,
      stop: this.#stop,
    });
  }

  async load(requests: readonly (readonly Buffer[])[], { warmUpMs, windowMs }: LoadWindow): Promise<void> {
    const stop = this.#stop;
    const result = await new ClosedLoop({ port: this.#ingest.port, requests, warmUpMs, windowMs, stop }).run();
    this.#latencyUs.add(result.latencyUs);
    this.#accepted += result.accepted;
    this.#measuredMs += windowMs;
    this.#windowsPerS.push(result.acceptedPerS);
    for (const [reason, count] of result.failures) {
      this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + count);
    }
  }

  async measurement(): Promise<IngestMeasurement> {
    return {
      accepted: this.#accepted,
      entries: await countEntries(this.#redis.client, this.#plan.shardCount),
      acceptedPerS: (this.#latencyUs.totalCount * 1000) / this.#measuredMs,
      windowsPerS: this.#windowsPerS,
      p50Ms: this.#latencyUs.getValueAtPercentile(50) / 1000,
      p99Ms: this.#latencyUs.getValueAtPercentile(99) / 1000,
      failures: this.#failures,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ingest[Symbol.asyncDispose]();
    await this.#redis[Symbol.asyncDispose]();
  }
}
