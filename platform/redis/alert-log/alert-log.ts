import { formatNextRecord, parseAlertRecord, type AlertRecord } from '../../../contracts/alert-record.ts';
import { formatAlertState, parseAlertState } from '../../../contracts/alert-state.ts';
import type { Transition } from '../../../contracts/alert-transition.ts';
import { redisChannels, redisKeys, type FenceTag } from '../../../contracts/redis-keys.ts';
import {
  decideByOperator,
  decideTransition,
  type AlertState,
  type Cause,
  type NextTransition,
} from '../../../core/alerts/alert-state.ts';
import { defineScript, type Script } from '../script.ts';
import type { Redis } from '../open-redis.ts';
import { untilSafe, type SafetyWait } from '../until-safe.ts';

/** A transition that a rule asks for; identity and version are the log's to give. */
export interface TransitionRequest {
  readonly cause: Cause;
  readonly transition: Omit<Transition, 'alert_id' | 'version' | 'decided_us'>;
}

/** The right to speak for what lies under a lease. */
export interface Fence {
  readonly lease: FenceTag;
  readonly token: number;
}

/** Somebody else has the lease by now. */
export class FencedError extends Error {
  constructor({ lease }: Fence) {
    super(`another worker has the lease ${lease}`);
  }
}

export interface SafetyOptions {
  /** A connection of its own: who waits on it holds up what comes after. */
  readonly redis: Redis;
  readonly wait: SafetyWait;
}

export interface StandingAlerts {
  readonly active: ReadonlySet<string>;
  readonly cancelled: ReadonlySet<string>;
}

export interface OperatorAction {
  /** `<rule>|<subject>` of the alert. */
  readonly field: string;
  readonly alertId: string;
  /** `updated`: somebody looks after it. */
  readonly kind: 'updated' | 'cancelled';
  /** Who it is. */
  readonly name: string;
  readonly note?: string | undefined;
}

type Decide = (
  state: AlertState | undefined,
  record: AlertRecord | undefined,
) => { readonly next: NextTransition; readonly transition: TransitionRequest['transition'] } | undefined;

/** Two workers can meet at one alert only while a shard changes hands; each meeting settles one of them. */
const MAX_ATTEMPTS = 5;
const SCAN_COUNT = 1000;

/** The stream of transitions: every change of an alert is appended, kept as state and published in one step, or not at all. */
export class AlertLog {
  readonly #redis: Redis;
  readonly #append: Script;
  readonly #raiseFence: Script;
  readonly #confirm: Script;
  readonly #safety: SafetyOptions | undefined;
  #confirming: Promise<boolean> | undefined;
  /** Of the last transition that this process appended and nobody has lost. */
  #cursor: string | undefined;
  #losses = 0;

  /** @param safety where transitions have to be before what caused them may be forgotten */
  constructor(redis: Redis, safety?: SafetyOptions) {
    this.#redis = redis;
    this.#safety = safety;
    this.#confirm = defineScript(
      safety?.redis ?? redis,
      'ttConfirmTransition',
      'confirm-transition.lua',
      import.meta.url,
    );
    this.#append = defineScript(redis, 'ttAppendTransition', 'append-transition.lua', import.meta.url);
    this.#raiseFence = defineScript(redis, 'ttRaiseFence', '../raise-fence.lua', import.meta.url);
  }

  /** How often the stream has lost what this process had appended: what was evaluated since the last checkpoint counts no more. */
  get losses(): number {
    return this.#losses;
  }

  /**
   * Whether every transition that was appended is on the stream and safe. Rejects when the stream has gone back, or does not
   * answer.
   */
  async confirm(): Promise<boolean> {
    // One at a time; what is under way may have begun before the last transition.
    if (this.#confirming !== undefined && !(await this.#confirming)) return false;
    if (this.#cursor === undefined) return true;
    this.#confirming ??= this.#confirmUpTo(this.#cursor).finally(() => (this.#confirming = undefined));
    return await this.#confirming;
  }

  /** The alerts that are active, as `<rule>|<subject>`. */
  async readActive(): Promise<ReadonlySet<string>> {
    return (await this.readStanding()).active;
  }

  /** The alerts that are active, and those that were taken back, as `<rule>|<subject>`. */
  async readStanding(): Promise<StandingAlerts> {
    const active = new Set<string>();
    const cancelled = new Set<string>();
    let cursor = '0';
    do {
      const [next, flat] = await this.#redis.hscan(redisKeys.alertState, cursor, 'COUNT', SCAN_COUNT);
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const [field, json] = [flat[i] ?? '', flat[i + 1] ?? ''];
        const state = parseAlertState(json);
        if (state.active) active.add(field);
        else active.delete(field);
        if (state.cancelled === true) cancelled.add(field);
        else cancelled.delete(field);
      }
      cursor = next;
    } while (cursor !== '0');
    return { active, cancelled };
  }

  /** From now on nobody with an older token can append. Rejects with a FencedError when somebody with a newer one has done that. */
  async takeOver(fence: Fence): Promise<void> {
    const raised = await this.#raiseFence([redisKeys.alertFence], [fence.lease, fence.token]);
    if (raised !== 1) throw new FencedError(fence);
  }

  /**
   * The transition as it went out, or undefined when it has no place in the alert's life. Rejects with a FencedError when
   * somebody with a newer token has taken over.
   */
  async append({ cause, transition }: TransitionRequest, fence: Fence): Promise<Transition | undefined> {
    return await this.#write(`${transition.rule}|${transition.subject}`, fence, (state, record) => {
      const next = decideTransition(transition, state, transition.kind, cause);
      const by = transition.kind === 'raised' ? undefined : record?.transition.acknowledged_by;
      return next && { next, transition: { ...transition, ...(by !== undefined && { acknowledged_by: by }) } };
    });
  }

  /**
   * What an operator says of an active alert, or undefined when it is over. Detection goes on: an alert that was cancelled is
   * raised again once what it was about has ended and come back.
   */
  async appendByOperator({ field, alertId, kind, name, note }: OperatorAction): Promise<Transition | undefined> {
    return await this.#write(field, { lease: 'operator', token: 0 }, (state, record) => {
      const next = state?.alertId === alertId ? decideByOperator(state, kind) : undefined;
      if (next === undefined || record === undefined) return undefined;
      const { note: _before, ...last } = record.transition;
      const transition = {
        ...last,
        kind,
        actor: `operator:${name}`,
        at_us: Date.now() * 1000,
        ...(kind === 'updated' && { acknowledged_by: name }),
        ...(note !== undefined && { note }),
      };
      return { next, transition };
    });
  }

  async #write(field: string, fence: Fence, decide: Decide): Promise<Transition | undefined> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const [before, known] = await Promise.all([
        this.#redis.hget(redisKeys.alertState, field),
        this.#redis.hget(redisKeys.alertRecords, field),
      ]);
      const record = known === null ? undefined : parseAlertRecord(known);
      const decided = decide(before === null ? undefined : parseAlertState(before), record);
      if (decided === undefined) return undefined;
      const { next, transition } = decided;
      const complete: Transition = {
        ...transition,
        alert_id: next.alertId,
        version: next.version,
        decided_us: Date.now() * 1000,
      };
      const reply = await this.#append(
        [redisKeys.alerts, redisKeys.alertState, redisKeys.alertFence, redisKeys.alertRecords],
        [
          field,
          before ?? '',
          formatAlertState(next.state),
          JSON.stringify(complete),
          redisChannels.alerts,
          fence.lease,
          fence.token,
          formatNextRecord(record, complete),
        ],
      );
      if (Array.isArray(reply) && reply[0] === 'fenced') throw new FencedError(fence);
      if (Array.isArray(reply) && reply[0] === 'appended') {
        this.#cursor = String(reply[1]);
        return complete;
      }
    }
    throw new Error(`the alert ${field} kept changing under ${MAX_ATTEMPTS} attempts`);
  }

  async #confirmUpTo(cursor: string): Promise<boolean> {
    const found = await this.#confirm([redisKeys.alerts, redisKeys.alertFence], [cursor]);
    if (found !== 1) {
      this.#cursor = undefined;
      this.#losses += 1;
      throw new Error('the alerts have gone back: what caused the last of them is evaluated again');
    }
    if (this.#safety !== undefined) {
      const { redis, wait } = this.#safety;
      const isSafe = await untilSafe(redis, redisKeys.alerts, false, wait).then(
        () => true,
        () => false,
      );
      if (!isSafe) return false;
    }
    if (this.#cursor === cursor) this.#cursor = undefined;
    return true;
  }
}
