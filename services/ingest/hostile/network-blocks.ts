import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseIpBlockRecord } from '../../../contracts/registry.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { parseAddress, parseNetwork, isInNetworks } from '../../../platform/http/client-address.ts';

type Network = NonNullable<ReturnType<typeof parseNetwork>>;

interface NetworkBlock {
  readonly network: Network;
  /** Unix milliseconds; infinite for one without an end. */
  readonly untilMs: number;
}

const MAX_KNOWN_SOURCES = 50_000;
const NONE = 0;

/** The networks that operators refuse, as the registry's projection says. */
export class NetworkBlocks {
  readonly #redis: Redis;
  #blocks: readonly NetworkBlock[] = [];
  /** Until when a source is refused: to match it against many networks again and again costs more than to know it. */
  readonly #untilMs = new Map<string, number>();
  #stale = true;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  get size(): number {
    return this.#blocks.length;
  }

  /** The registry has changed: what is known holds until it is read again. */
  invalidate(): void {
    this.#stale = true;
  }

  /** Rejects when Redis does not answer; what is known still holds then. */
  async refresh(): Promise<void> {
    if (!this.#stale) return;
    this.#stale = false;
    try {
      const records = await this.#redis.hgetall(redisKeys.ipBlocks);
      this.#blocks = Object.entries(records).flatMap(([text, json]) => {
        const network = parseNetwork(text);
        const untilMs = parseIpBlockRecord(json).expires_at_ms ?? Infinity;
        return network === undefined ? [] : [{ network, untilMs }];
      });
      this.#untilMs.clear();
    } catch (error) {
      this.#stale = true;
      throw error;
    }
  }

  /** Unix milliseconds, or infinite; undefined when no operator refuses the source. */
  untilOf(source: string, nowMs: number): number | undefined {
    if (this.#blocks.length === 0) return undefined;
    const untilMs = this.#untilMs.get(source) ?? this.#find(source);
    return nowMs < untilMs ? untilMs : undefined;
  }

  #find(source: string): number {
    const [text = ''] = source.split('/');
    const address = parseAddress(text);
    const matching = this.#blocks.filter(({ network }) => address !== undefined && isInNetworks(address, [network]));
    const untilMs = Math.max(NONE, ...matching.map((block) => block.untilMs));
    if (this.#untilMs.size >= MAX_KNOWN_SOURCES) this.#untilMs.clear();
    this.#untilMs.set(source, untilMs);
    return untilMs;
  }
}
