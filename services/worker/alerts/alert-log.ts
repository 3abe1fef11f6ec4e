import { formatAlertState, parseAlertState } from '../../../contracts/alert-state.ts';
import type { Transition } from '../../../contracts/alert-transition.ts';
import { redisChannels, redisKeys } from '../../../contracts/redis-keys.ts';
import { decideTransition, type Cause } from '../../../core/alerts/alert-state.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

/** A transition that a rule asks for; identity and version are the log's to give. */
export interface TransitionRequest {
  readonly cause: Cause;
  readonly transition: Omit<Transition, 'alert_id' | 'version' | 'decided_us'>;
}

/** Two workers can meet at one alert only while a shard changes hands; each meeting settles one of them. */
const MAX_ATTEMPTS = 5;
const SCAN_COUNT = 1000;

/** The stream of transitions: every change of an alert is appended, kept as state and published in one step, or not at all. */
export class AlertLog {
  readonly #redis: Redis;
  readonly #append: Script;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#append = defineScript(redis, 'ttAppendTransition', 'append-transition.lua', import.meta.url);
  }

  /** The alerts that are active, as `<rule>|<subject>`. */
  async readActive(): Promise<ReadonlySet<string>> {
    const active = new Set<string>();
    let cursor = '0';
    do {
      const [next, flat] = await this.#redis.hscan(redisKeys.alertState, cursor, 'COUNT', SCAN_COUNT);
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const [field, json] = [flat[i] ?? '', flat[i + 1] ?? ''];
        if (parseAlertState(json).active) active.add(field);
        else active.delete(field);
      }
      cursor = next;
    } while (cursor !== '0');
    return active;
  }

  /** The transition as it went out, or undefined when it has no place in the alert's life. */
  async append({ cause, transition }: TransitionRequest): Promise<Transition | undefined> {
    const field = `${transition.rule}|${transition.subject}`;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const before = await this.#redis.hget(redisKeys.alertState, field);
      const state = before === null ? undefined : parseAlertState(before);
      const next = decideTransition(transition, state, transition.kind, cause);
      if (next === undefined) return undefined;
      const complete: Transition = {
        ...transition,
        alert_id: next.alertId,
        version: next.version,
        decided_us: Date.now() * 1000,
      };
      const reply = await this.#append(
        [redisKeys.alerts, redisKeys.alertState],
        [field, before ?? '', formatAlertState(next.state), JSON.stringify(complete), redisChannels.alerts],
      );
      if (Array.isArray(reply) && reply[0] === 'appended') return complete;
    }
    throw new Error(`the alert ${field} kept changing under ${MAX_ATTEMPTS} attempts`);
  }
}
