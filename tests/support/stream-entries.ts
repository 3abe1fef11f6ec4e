import type { FilteredAlert } from '../../core/alerts/alert-filter.ts';
import type { Transition } from '../../contracts/alert-transition.ts';
import { AlertEntry, factsOf } from '../../services/broadcaster/stream/alert-entry.ts';
import { ActiveAlerts } from '../../services/broadcaster/stream/active-alerts.ts';
import { AlertWindow } from '../../services/broadcaster/stream/alert-window.ts';
import { transitionRequest } from './alert-requests.ts';

const START = { ms: 0, seq: 0 };

/** What of a transition a test is about. */
export interface EntryChanges extends Partial<FilteredAlert> {
  readonly subject?: string;
  readonly version?: number;
  readonly kind?: Transition['kind'];
  readonly life?: number;
}

/** A stream in memory, as the broadcaster has it. */
export class EntryStream {
  window: AlertWindow;
  readonly all: AlertEntry[] = [];
  #active = new ActiveAlerts();
  readonly #count: number;
  #epochs = 1;

  constructor(count = 1000) {
    this.#count = count;
    this.window = this.#createWindow();
  }

  #createWindow(): AlertWindow {
    return new AlertWindow(`epoch-${this.#epochs}`, { count: this.#count, ageMs: Infinity }, START, START);
  }

  append({ life = 1, zones, ...changes }: EntryChanges = {}): AlertEntry {
    const { transition } = transitionRequest('raised', 0, { status: 'Actual' });
    const complete: Transition = {
      ...transition,
      subject: 'dev-1',
      version: 1,
      alert_id: `${changes.subject ?? 'dev-1'} ${life}`,
      decided_us: this.all.length,
      ...changes,
      ...(zones !== undefined && { zones: [...zones] }),
    };
    const facts = factsOf(complete);
    const at = { ms: this.all.length + 1, seq: 0 };
    const entry = new AlertEntry(this.window.epoch, at, facts, this.#active.before(facts), JSON.stringify(complete));
    this.#active.apply(facts, entry.body);
    this.window.append(entry);
    this.all.push(entry);
    return entry;
  }

  /** Begins another history. */
  lose(): void {
    this.#epochs += 1;
    this.#active = new ActiveAlerts();
    this.window = this.#createWindow();
  }

  /** What `refresh` answers. */
  isHeard = true;

  async refresh(): Promise<boolean> {
    return Promise.resolve(this.isHeard);
  }
}
