import { alertFiltersSchema } from '../../../core/alerts/alert-filter.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { AlertLog, type TransitionRequest } from '../../../platform/redis/alert-log/alert-log.ts';

const FENCE = { lease: 'operator', token: 0 } as const;

/** Exercises of a rule that nobody has: whoever follows them asks for them. */
export const SOURCE_FILTERS = alertFiltersSchema.parse([{ status: ['Exercise'] }]);

/** Alerts as a worker decides them, one after the other, each new. */
export class AlertSource {
  readonly #log: AlertLog;
  readonly #rule: string;
  readonly #run = Date.now();
  #count = 0;

  /** @param rule of which the alerts are */
  constructor(redis: Redis, rule: string) {
    this.#log = new AlertLog(redis);
    this.#rule = rule;
  }

  /** Answers its subject, and when it was asked for, Unix milliseconds. */
  async raise(): Promise<{ readonly subject: string; readonly askedAtMs: number }> {
    const askedAtMs = performance.timeOrigin + performance.now();
    this.#count += 1;
    const subject = this.#subjectOf(this.#count);
    await this.#append('raised', this.#count);
    return { subject, askedAtMs };
  }

  /** Ends those that were raised, so that none stays active. */
  async clearAll(): Promise<void> {
    for (let alert = 1; alert <= this.#count; alert += 1) await this.#append('cleared', alert);
  }

  #subjectOf(alert: number): string {
    return `${this.#rule}-${this.#run}-${alert}`;
  }

  async #append(kind: 'raised' | 'cleared', alert: number): Promise<void> {
    const nowUs = Date.now() * 1000;
    const transition: TransitionRequest['transition'] = {
      rule: this.#rule,
      rule_kind: 'threshold',
      subject: this.#subjectOf(alert),
      kind,
      severity: 'Severe',
      status: 'Exercise',
      headline: 'Strong ground motion (load test)',
      at_us: nowUs,
      actor: 'detection',
      position: { lat: 47.4979, lon: 19.0402 },
      zones: ['budapest', 'hungary'],
      evidence: {
        rule_version: 1,
        limit: 0.3,
        readings: ['acc_x', 'acc_y', 'acc_z'].map((metric, index) => ({
          device: `dev-${alert}`,
          metric,
          time_us: nowUs,
          value: 0.3 + index / 10,
        })),
      },
    };
    const order = kind === 'raised' ? 0 : 1;
    const cause = { entryMs: Date.now(), entrySeq: alert, index: order };
    const appended = await this.#log.append({ cause, transition }, FENCE);
    if (appended === undefined) throw new Error(`the alert ${transition.subject} was not ${kind}`);
  }
}
