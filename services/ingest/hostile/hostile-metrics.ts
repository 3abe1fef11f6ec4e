import type { Counter, Registry } from 'prom-client';
import { MetricSet } from '../../../platform/metrics/metric-set.ts';

export interface HostileMetrics {
  readonly blocks: Counter<'scope'>;
  readonly events: Counter<'kind'>;
  readonly eventsDropped: Counter;
}

export function createHostileMetrics(registry: Registry): HostileMetrics {
  const metrics = new MetricSet(registry);
  return {
    blocks: metrics.counter(
      'ingest_blocks_total',
      'Blocks that this process has decided: of an address, or of a pair of address and claimant.',
      ['scope'],
    ),
    events: metrics.counter('ingest_security_events_total', 'Security events that were reported, by kind.', ['kind']),
    eventsDropped: metrics.counter(
      'ingest_security_events_dropped_total',
      'Security events that could not be reported.',
    ),
  };
}
