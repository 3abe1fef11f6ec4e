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
  /** Answers for each item of a batch, in order. A rejection is passed on to each of them. */
  readonly run: (slot: number, items: readonly Item[]) => Promise<readonly Answer[]>;
}

/** Runs together what is asked for in one event-loop turn and belongs to one slot: a script in Redis costs more by call than by item. */
export class TurnBatcher<Item, Answer> {
  readonly #options: TurnBatcherOptions<Item, Answer>;
  #slots = new Map<number, Waiting<Item, Answer>[]>();

  constructor(options: TurnBatcherOptions<Item, Answer>) {
    this.#options = options;
  }

  run(slot: number, item: Item): Promise<Answer> {
    return new Promise((settle, fail) => {
      if (this.#slots.size === 0) setImmediate(() => this.#flush());
      const waiting = this.#slots.get(slot);
      if (waiting === undefined) this.#slots.set(slot, [{ item, settle, fail }]);
      else waiting.push({ item, settle, fail });
    });
  }

  #flush(): void {
    const slots = this.#slots;
    this.#slots = new Map();
    const { redis, maxBatch } = this.#options;
    inOneWrite(redis, () => {
      for (const [slot, waiting] of slots) {
        for (let start = 0; start < waiting.length; start += maxBatch) {
          void this.#send(slot, waiting.slice(start, start + maxBatch));
        }
      }
    });
  }

  async #send(slot: number, batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#options.run(
        slot,
        batch.map(({ item }) => item),
      );
      if (answers.length !== batch.length) throw new Error('a batch was answered for another number of items');
      for (const [index, answer] of answers.entries()) batch[index]?.settle(answer);
    } catch (error) {
      for (const waiting of batch) waiting.fail(error);
    }
  }
}
