import type { AlertFilters } from '../../../core/alerts/alert-filter.ts';
import { letsThrough } from '../../../core/alerts/alert-filter.ts';
import type { AlertFacts } from './alert-entry.ts';

interface Known {
  readonly facts: AlertFacts;
  /** The last transition, a JSON object. */
  readonly body: string;
}

/** The alerts that are active, each with its last transition. */
export class ActiveAlerts {
  /** By `<rule>|<subject>`. */
  readonly #alerts = new Map<string, Known>();

  get size(): number {
    return this.#alerts.size;
  }

  /** How the alert was before this transition. */
  before({ field, alertId, version }: AlertFacts): AlertFacts | undefined {
    const facts = this.#alerts.get(field)?.facts;
    return facts?.alertId === alertId && facts.version === version - 1 ? facts : undefined;
  }

  /** Leaves what is newer as it is. */
  apply(facts: AlertFacts, body: string): void {
    const known = this.#alerts.get(facts.field)?.facts;
    if (known !== undefined && isNewer(known, facts)) return;
    if (facts.isEnd) this.#alerts.delete(facts.field);
    else this.#alerts.set(facts.field, { facts, body });
  }

  /** The last transitions of those that filters let through, JSON objects. */
  bodies(filters: AlertFilters): readonly string[] {
    return [...this.#alerts.values()].flatMap(({ facts, body }) => (letsThrough(filters, facts) ? [body] : []));
  }
}

function isNewer(one: AlertFacts, other: AlertFacts): boolean {
  return one.alertId === other.alertId ? one.version >= other.version : one.decidedUs > other.decidedUs;
}
