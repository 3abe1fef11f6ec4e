import type { Counter, Registry } from 'prom-client';
import { MetricSet } from '../../platform/metrics/metric-set.ts';

/** They are compared every ten seconds. */
const STALE_AFTER_S = 60;

/** How the logins of a broker fare. */
export class LoginsMetrics {
  readonly failures: Counter;
  #devices = 0;
  #isWritten = false;
  #currentAtMs = performance.now();

  constructor(registry: Registry) {
    const metrics = new MetricSet(registry);
    this.failures = metrics.counter(
      'broker_logins_failures_total',
      'Times that the logins could not be compared with the registry or written.',
    );
    metrics.reading(
      'broker_logins_stale_seconds',
      'Since the logins were last what the registry says; compared every ten seconds at least.',
      () => this.#staleSeconds(),
    );
    metrics.reading('broker_logins_devices', 'Devices that can log in to the broker.', () => this.#devices);
  }

  /** The logins are what the registry says. */
  refreshed(devices: number): void {
    this.#devices = devices;
    this.#isWritten = true;
    this.#currentAtMs = performance.now();
  }

  /** What is missing, for `/readyz`. */
  readonly unready = (): readonly string[] => {
    if (!this.#isWritten) return ['the logins of the broker have not been compared with the registry yet'];
    const seconds = this.#staleSeconds();
    return seconds < STALE_AFTER_S
      ? []
      : [`the logins of the broker have not followed the registry for ${Math.round(seconds)} s`];
  };

  #staleSeconds(): number {
    return (performance.now() - this.#currentAtMs) / 1000;
  }
}
