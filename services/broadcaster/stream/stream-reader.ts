import { randomBytes } from 'node:crypto';
import { parseAlertRecord, type AlertRecord } from '../../../contracts/alert-record.ts';
import { TRANSITION_FIELD } from '../../../contracts/alert-transition.ts';
import { parseCursor, type Cursor } from '../../../contracts/cursor.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

export interface StreamEnd {
  readonly epoch: string;
  readonly end: Cursor;
  /** Entries that there ever were, up to the end. */
  readonly added: number;
  /** Those that are still there. */
  readonly length: number;
}

/** One entry as it is in Redis. */
export interface RawEntry {
  readonly at: Cursor;
  readonly json: string | undefined;
}

const PAGE = 1000;
const SCAN_COUNT = 500;
const EPOCH_BYTES = 9;

/** The stream of transitions in Redis. Rejects when Redis does not answer. */
export class StreamReader {
  readonly #redis: Redis;
  readonly #settle: Script;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#settle = defineScript(redis, 'ttSettleAlertEpoch', 'settle-epoch.lua', import.meta.url);
  }

  /**
   * @param seen the epoch that the caller knows, and the last cursor that it has seen of it
   * @param isTorn that entries are missing between that and what there is: another history begins
   */
  async end(seen: { readonly epoch: string; readonly end: Cursor }, isTorn = false): Promise<StreamEnd> {
    const another = randomBytes(EPOCH_BYTES).toString('base64url');
    const reply = await this.#settle(
      [redisKeys.alerts, redisKeys.alertEpoch],
      [seen.epoch, seen.end.ms, seen.end.seq, another, isTorn ? '1' : '0'],
    );
    const [epoch, end, added, length] = Array.isArray(reply) ? (reply as unknown[]) : [];
    return { epoch: String(epoch), end: cursorOf(String(end)), added: Number(added), length: Number(length) };
  }

  /** Those behind the cursor, oldest first; some of them when they are many. */
  async after({ ms, seq }: Cursor): Promise<readonly RawEntry[]> {
    return (await this.#redis.xrange(redisKeys.alerts, `(${ms}-${seq}`, '+', 'COUNT', PAGE)).map(rawEntry);
  }

  /** The last so many, oldest first. */
  async last(count: number): Promise<readonly RawEntry[]> {
    const newestFirst: RawEntry[] = [];
    let before = '+';
    while (newestFirst.length < count) {
      const some = Math.min(PAGE, count - newestFirst.length);
      const page = await this.#redis.xrevrange(redisKeys.alerts, before, '-', 'COUNT', some);
      newestFirst.push(...page.map(rawEntry));
      const last = page.at(-1)?.[0];
      if (last === undefined || page.length < some) break;
      before = `(${last}`;
    }
    return newestFirst.reverse();
  }

  async records(): Promise<readonly AlertRecord[]> {
    const records: AlertRecord[] = [];
    let cursor = '0';
    do {
      const [next, flat] = await this.#redis.hscan(redisKeys.alertRecords, cursor, 'COUNT', SCAN_COUNT);
      for (let i = 1; i < flat.length; i += 2) {
        const record = parseAlertRecord(flat[i] ?? '');
        if (record !== undefined) records.push(record);
      }
      cursor = next;
    } while (cursor !== '0');
    return records;
  }
}

function rawEntry([id, fields]: [id: string, fields: string[]]): RawEntry {
  const at = fields.findIndex((name, index) => index % 2 === 0 && name === TRANSITION_FIELD);
  return { at: cursorOf(id), json: at < 0 ? undefined : fields[at + 1] };
}

function cursorOf(id: string): Cursor {
  const cursor = parseCursor(id);
  if (cursor === undefined) throw new Error(`Redis answered ${id} where a cursor was to be`);
  return cursor;
}
