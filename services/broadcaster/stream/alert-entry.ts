import type { Transition } from '../../../contracts/alert-transition.ts';
import type { Cursor } from '../../../contracts/cursor.ts';
import type { FilteredAlert, Passage } from '../../../core/alerts/alert-filter.ts';

/** What of a transition is worked with; all of it is kept as text. */
export interface AlertFacts extends FilteredAlert {
  readonly alertId: string;
  readonly version: number;
  readonly isEnd: boolean;
  /** `<rule>|<subject>`. */
  readonly field: string;
  readonly decidedUs: number;
}

export function factsOf(transition: Transition): AlertFacts {
  return {
    severity: transition.severity,
    status: transition.status,
    rule_kind: transition.rule_kind,
    position: transition.position,
    zones: transition.zones,
    alertId: transition.alert_id,
    version: transition.version,
    isEnd: transition.kind === 'cleared' || transition.kind === 'cancelled',
    field: `${transition.rule}|${transition.subject}`,
    decidedUs: transition.decided_us,
  };
}

/** A transition of the stream as it goes to subscribers. */
export class AlertEntry {
  readonly at: Cursor;
  readonly facts: AlertFacts;
  /** How the same alert was before it; undefined for a new one, and where nobody knows any more. */
  readonly before: AlertFacts | undefined;
  /** The transition, a JSON object. */
  readonly body: string;
  readonly #epoch: string;
  readonly #messages = new Map<Passage, string>();
  #isRecent = true;

  constructor(epoch: string, at: Cursor, facts: AlertFacts, before: AlertFacts | undefined, body: string) {
    this.#epoch = epoch;
    this.at = at;
    this.facts = facts;
    this.before = before;
    this.body = body;
  }

  get cursor(): string {
    return `${this.at.ms}-${this.at.seq}`;
  }

  /** An event of its place in the stream, for server-sent events. */
  get eventId(): string {
    return `${this.#epoch}/${this.cursor}`;
  }

  /** By contracts/alert-stream.ts; the same text for all who stand to it in the same way. */
  message(passage: Passage): string {
    const known = this.#messages.get(passage);
    if (known !== undefined) return known;
    const filter = passage === 'within' ? '' : `"filter":"${passage}",`;
    const head = `{"type":"alert","epoch":"${this.#epoch}","cursor":"${this.cursor}",${filter}`;
    const message = `${head}${this.body.slice(1)}`;
    if (this.#isRecent) this.#messages.set(passage, message);
    return message;
  }

  /** Those who come later are few. */
  forgetMessages(): void {
    this.#isRecent = false;
    this.#messages.clear();
  }
}
