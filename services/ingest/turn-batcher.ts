import { inOneWrite } from '../../platform/redis/in-one-write.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: unknown) => void;
}

export interface TurnBatcherOptions<Item, Answer> {
  readonly redis: Redis;
  readonly maxBatch: number;
  /** Answers for each item of a batch, in order, with an error for an item that failed. A rejection goes to all of them. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Answer | Error)[]>;
}

/**
 * Runs together what is asked for in one event-loop turn: a call of a script costs several times as much as an item in it.
 * In a cluster, keys of different slots cannot be in one call, so that there each slot has its own.
 */
export class TurnBatcher<Item, Answer> {
  readonly #options: TurnBatcherOptions<Item, Answer>;
  #slots = new Map<number, Waiting<Item, Answer>[]>();

  constructor(options: TurnBatcherOptions<Item, Answer>) {
    this.#options = options;
  }

  /** @param slot what has the same number has the same hash tag */
  run(slot: number, item: Item): Promise<Answer> {
    const together = this.#options.redis.isCluster ? slot : 0;
    return new Promise((settle, fail) => {
      if (this.#slots.size === 0) setImmediate(() => this.#flush());
      const waiting = this.#slots.get(together);
      if (waiting === undefined) this.#slots.set(together, [{ item, settle, fail }]);
      else waiting.push({ item, settle, fail });
    });
  }

  #flush(): void {
    const slots = this.#slots;
    this.#slots = new Map();
    const { redis, maxBatch } = this.#options;
    inOneWrite(redis, () => {
      for (const waiting of slots.values()) {
        for (let start = 0; start < waiting.length; start += maxBatch) {
          void this.#send(waiting.slice(start, start + maxBatch));
        }
      }
    });
  }

  async #send(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#options.run(batch.map(({ item }) => item));
      if (answers.length !== batch.length) throw new Error('a batch was answered for another number of items');
      for (const [index, answer] of answers.entries()) {
        if (answer instanceof Error) batch[index]?.fail(answer);
        else batch[index]?.settle(answer);
      }
    } catch (error) {
      for (const waiting of batch) waiting.fail(error);
    }
  }
}
