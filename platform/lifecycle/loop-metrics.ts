import type { Counter, Histogram, Registry } from 'prom-client';
import { MetricSet } from '../metrics/metric-set.ts';

/** How loops fare. */
export class LoopMetrics {
  readonly failures: Counter<'loop'>;
  readonly passSeconds: Histogram<'loop'>;
  readonly #healthy = new Map<string, () => boolean>();

  constructor(registry: Registry) {
    const metrics = new MetricSet(registry);
    this.failures = metrics.counter('loop_failures_total', 'Passes of a loop that failed and were tried again.', [
      'loop',
    ]);
    this.passSeconds = metrics.histogram(
      'loop_pass_duration_seconds',
      'Of a pass that went well, what it waits for included.',
      [0.001, 0.01, 0.1, 0.5, 1, 5, 30],
      ['loop'],
    );
    metrics.readings('loop_up', '1 for a loop whose last pass went well, else 0.', ['loop'], () =>
      [...this.#healthy].map(([loop, isHealthy]) => [{ loop }, isHealthy() ? 1 : 0]),
    );
  }

  watch(loop: string, isHealthy: () => boolean): void {
    this.#healthy.set(loop, isHealthy);
    this.failures.inc({ loop }, 0);
  }
}
