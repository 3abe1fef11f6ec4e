import { inOneWrite } from '../../../platform/redis/in-one-write.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: unknown) => void;
}

interface Slot<Item, Answer> {
  waiting: Waiting<Item, Answer>[];
  /** Calls that Redis has not answered. */
  callsUnderWay: number;
  scheduled: boolean;
}

export interface CallBatcherOptions<Item, Answer> {
  readonly redis: Redis;
  readonly maxBatch: number;
  /** Answers for each item of a batch, in order, with an error for an item that failed. A rejection goes to all of them, and to those that wait. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Answer | Error)[]>;
}

/**
 * Runs together what is asked for in one event-loop turn or while a call is under way (group commit): a call of a script,
 * its two system calls and, where it writes, its fsync cost several times as much as an item in it. In a cluster, keys of
 * different slots cannot be in one call, so that there each slot has its own.
 */
export class CallBatcher<Item, Answer> {
  readonly #options: CallBatcherOptions<Item, Answer>;
  readonly #slots = new Map<number, Slot<Item, Answer>>();

  constructor(options: CallBatcherOptions<Item, Answer>) {
    this.#options = options;
  }

  /** Items without an answer that have not been sent. */
  get waiting(): number {
    return [...this.#slots.values()].reduce((sum, slot) => sum + slot.waiting.length, 0);
  }

  /** @param number of the slot: what has the same hash tag has the same number */
  run(number: number, item: Item): Promise<Answer> {
    const slot = this.#slotOf(this.#options.redis.isCluster ? number : 0);
    return new Promise((settle, fail) => {
      slot.waiting.push({ item, settle, fail });
      this.#schedule(slot);
    });
  }

  #slotOf(number: number): Slot<Item, Answer> {
    let slot = this.#slots.get(number);
    if (slot === undefined) {
      slot = { waiting: [], callsUnderWay: 0, scheduled: false };
      this.#slots.set(number, slot);
    }
    return slot;
  }

  /** The rest of this turn may bring more for the same call. */
  #schedule(slot: Slot<Item, Answer>): void {
    if (slot.scheduled || slot.callsUnderWay > 0 || slot.waiting.length === 0) return;
    slot.scheduled = true;
    setImmediate(() => {
      slot.scheduled = false;
      this.#flush(slot);
    });
  }

  #flush(slot: Slot<Item, Answer>): void {
    const { waiting } = slot;
    slot.waiting = [];
    const { redis, maxBatch } = this.#options;
    inOneWrite(redis, () => {
      for (let start = 0; start < waiting.length; start += maxBatch) {
        slot.callsUnderWay += 1;
        void this.#call(slot, waiting.slice(start, start + maxBatch)).finally(() => {
          slot.callsUnderWay -= 1;
          this.#schedule(slot);
        });
      }
    });
  }

  async #call(slot: Slot<Item, Answer>, batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#options.run(batch.map(({ item }) => item));
      if (answers.length !== batch.length) throw new Error('a batch was answered for another number of items');
      for (const [index, answer] of answers.entries()) {
        if (answer instanceof Error) batch[index]?.fail(answer);
        else batch[index]?.settle(answer);
      }
    } catch (error) {
      // What waits has not been sent and would meet the same: a second time-out helps nobody.
      const others = slot.waiting;
      slot.waiting = [];
      for (const waiting of [...batch, ...others]) waiting.fail(error);
    }
  }
}
