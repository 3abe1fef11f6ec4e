import { z } from 'zod';
import { consumerGroups, redisKeys, type LeaseTag } from '../../../contracts/redis-keys.ts';
import type { Samples } from '../../../platform/metrics/metric-set.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { Held } from '../lease/leases.ts';

interface WatchedStream {
  readonly lease: LeaseTag;
  readonly labels: { readonly stream: string; readonly shard: string };
  readonly key: string;
  readonly group: string;
}

interface Backlog {
  readonly entries: number;
  readonly ageS: number;
}

const replySchema = z.tuple([z.number(), z.number()]).nullable();

/** What waits in the streams that this worker has, as it was at the last look. */
export class Backlogs {
  readonly #redis: Redis;
  readonly #held: Held;
  readonly #script: Script;
  readonly #streams: readonly WatchedStream[];
  readonly #shards: readonly number[];
  #backlogs: readonly (readonly [WatchedStream['labels'], Backlog])[] = [];
  #deadLetters: readonly (readonly [{ readonly shard: string }, number])[] = [];

  constructor(redis: Redis, held: Held, shards: readonly number[]) {
    this.#redis = redis;
    this.#held = held;
    this.#script = defineScript(redis, 'ttBacklog', 'backlog.lua', import.meta.url);
    this.#shards = shards;
    const { persist, storeAlerts, carryOut, storeSecurityEvents } = consumerGroups;
    this.#streams = [
      ...shards.map((shard) => watched(shard, 'readings', redisKeys.readings(shard), persist)),
      watched('alerts', 'alerts', redisKeys.alerts, storeAlerts),
      watched('registry', 'requests', redisKeys.requests, carryOut),
      watched('security', 'security-events', redisKeys.securityEvents, storeSecurityEvents),
    ];
  }

  get pendingEntries(): Samples<'stream' | 'shard'> {
    return this.#backlogs.map(([labels, { entries }]) => [labels, entries]);
  }

  get lagSeconds(): Samples<'stream' | 'shard'> {
    return this.#backlogs.map(([labels, { ageS }]) => [labels, ageS]);
  }

  get deadLetters(): Samples<'shard'> {
    return this.#deadLetters;
  }

  async look(): Promise<void> {
    const mine = this.#streams.filter(({ lease }) => this.#held.tokenOf(lease) !== undefined);
    const backlogs = await Promise.all(
      mine.map(async ({ labels, key, group }) => {
        const reply = replySchema.parse(await this.#script([key], [group]));
        return reply === null ? [] : [[labels, { entries: reply[0], ageS: reply[1] / 1000 }] as const];
      }),
    );
    const shards = this.#shards.filter((shard) => this.#held.tokenOf(shard) !== undefined);
    this.#deadLetters = await Promise.all(
      shards.map(
        async (shard) => [{ shard: String(shard) }, await this.#redis.xlen(redisKeys.deadLetters(shard))] as const,
      ),
    );
    this.#backlogs = backlogs.flat();
  }
}

function watched(lease: LeaseTag, stream: string, key: string, group: string): WatchedStream {
  return { lease, labels: { stream, shard: typeof lease === 'number' ? String(lease) : '' }, key, group };
}
