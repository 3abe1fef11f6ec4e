import { isOver, parseAlertRecord } from '../../../contracts/alert-record.ts';
import { parseAlertState } from '../../../contracts/alert-state.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';

/** Those who collect alerts see how one ended for so long. */
const RECORD_AFTER_END_MS = 3_600_000;
/** No log is evaluated again that is older: what it raised needs no state to be told apart. */
const STATE_AFTER_END_MS = 86_400_000;
const SCAN_COUNT = 500;

/** Forgets alerts that ended long ago: each quorum has a subject of its own, so that they would only grow in number. */
export class PruneAlerts {
  readonly #redis: Redis;
  readonly #prune: Script;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#prune = defineScript(redis, 'ttPruneAlerts', 'prune-alerts.lua', import.meta.url);
  }

  async pass(nowMs = Date.now()): Promise<void> {
    await this.#forget(redisKeys.alertRecords, (json) => {
      const record = parseAlertRecord(json);
      return (
        record !== undefined && isOver(record) && record.transition.decided_us < (nowMs - RECORD_AFTER_END_MS) * 1000
      );
    });
    await this.#forget(redisKeys.alertState, (json) => {
      const { active, cancelled, cause } = parseAlertState(json);
      // What an operator took back may go on: nobody else knows that it is not to be raised again.
      return !active && cancelled !== true && cause.entryMs < nowMs - STATE_AFTER_END_MS;
    });
  }

  async #forget(key: string, isOld: (json: string) => boolean): Promise<void> {
    let cursor = '0';
    do {
      const [next, flat] = await this.#redis.hscan(key, cursor, 'COUNT', SCAN_COUNT);
      const old: string[] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const [field, json] = [flat[i] ?? '', flat[i + 1] ?? ''];
        if (isOld(json)) old.push(field, json);
      }
      if (old.length > 0) await this.#prune([key], old);
      cursor = next;
    } while (cursor !== '0');
  }
}
