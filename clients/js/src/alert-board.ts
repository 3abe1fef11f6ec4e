import type { AlertClient, ClientEvents } from './alert-client.ts';
import { Backoff } from './backoff.ts';
import { isBehind, type ActiveAlerts, type AlertMessage, type Transition } from './messages.ts';
import { Timers } from './timers.ts';

/** What of a client a board needs. */
export type FollowedClient = Pick<AlertClient, 'active' | 'on' | 'place' | 'state'>;

const RETRY = { min_ms: 1000, max_ms: 30_000 };

/**
 * The alerts that are active, of those that a client asks for: what a list or a map shows. It asks the server at first, after a
 * gap and after other filters, and applies what comes meanwhile on top of the answer.
 */
export class AlertBoard {
  readonly #client: FollowedClient;
  readonly #onChange: (board: AlertBoard) => void;
  readonly #ends: (() => void)[];
  readonly #timers = new Timers<'retry'>();
  readonly #backoff = new Backoff(RETRY.min_ms, RETRY.max_ms);
  #alerts = new Map<string, Transition>();
  #isComplete = false;
  /** What has come since the server was asked; undefined while it is not. */
  #meanwhile: AlertMessage[] | undefined;

  /** @param onChange called after each change, also of `isComplete` */
  constructor(client: FollowedClient, onChange: (board: AlertBoard) => void) {
    this.#client = client;
    this.#onChange = onChange;
    const on = <Type extends keyof ClientEvents>(type: Type, listener: (event: ClientEvents[Type]) => void) =>
      client.on(type, listener);
    this.#ends = [
      on('alert', (alert) => this.#take(alert)),
      on('gap', () => this.#ask()),
      on('filters', () => this.#ask()),
      on('state', (state) => {
        if (state === 'live' && !this.#isComplete && this.#meanwhile === undefined) this.#ask();
      }),
    ];
    if (client.state === 'live') this.#ask();
  }

  /** By alert id, each with its last transition. */
  get alerts(): ReadonlyMap<string, Transition> {
    return this.#alerts;
  }

  /** False while alerts may be missing: before the first answer, and after a gap or other filters until the next one. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  close(): void {
    for (const end of this.#ends) end();
    this.#timers.stopAll();
    // An answer that is still to come is nobody's.
    this.#meanwhile = undefined;
  }

  #take(alert: AlertMessage): void {
    this.#meanwhile?.push(alert);
    apply(this.#alerts, alert);
    this.#onChange(this);
  }

  #ask(): void {
    const meanwhile: AlertMessage[] = [];
    this.#meanwhile = meanwhile;
    this.#timers.stop('retry');
    this.#isComplete = false;
    this.#onChange(this);
    const { place } = this.#client;
    this.#client.active().then(
      (answer) => {
        if (this.#meanwhile !== meanwhile) return;
        // Of a server that has heard less than what the client was told already.
        if (place?.epoch === answer.epoch && isBehind(answer, place)) this.#askLater();
        else this.#replaceBy(answer, meanwhile);
      },
      () => {
        if (this.#meanwhile === meanwhile) this.#askLater();
      },
    );
  }

  #askLater(): void {
    this.#timers.start('retry', this.#backoff.next(), () => this.#ask());
  }

  #replaceBy(answer: ActiveAlerts, meanwhile: readonly AlertMessage[]): void {
    this.#backoff.reset();
    this.#meanwhile = undefined;
    this.#alerts = new Map(answer.alerts.map((alert) => [alert.alert_id, alert]));
    for (const alert of meanwhile) {
      if (alert.epoch !== answer.epoch || isBehind(answer, alert)) apply(this.#alerts, alert);
    }
    this.#isComplete = true;
    this.#onChange(this);
  }
}

function apply(alerts: Map<string, Transition>, alert: AlertMessage): void {
  const known = alerts.get(alert.alert_id);
  if (known !== undefined && known.version >= alert.version) return;
  const isOver = alert.kind === 'cleared' || alert.kind === 'cancelled' || alert.filter === 'leave';
  if (isOver) alerts.delete(alert.alert_id);
  else alerts.set(alert.alert_id, alert);
}
