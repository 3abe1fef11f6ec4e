import type { BroadcasterMetrics } from '../metrics.ts';
import type { AlertEntry } from '../stream/alert-entry.ts';
import type { Passage } from '../../../core/alerts/alert-filter.ts';
import type { FilterSet, FilterSets } from './filter-sets.ts';

/** Connections of one kind. */
export interface FanOutTarget {
  publish(set: FilterSet, entry: AlertEntry, passage: Passage): void;
}

/** Tells an entry to everybody to whom it is something. */
export function fanOut(
  sets: FilterSets,
  targets: readonly FanOutTarget[],
  metrics: BroadcasterMetrics,
): (entry: AlertEntry) => void {
  return (entry) => {
    metrics.published.inc();
    metrics.deliverySeconds.observe(Date.now() / 1000 - entry.facts.decidedUs / 1e6);
    const nowMs = performance.now();
    for (const [set, passage] of sets.concerned(entry)) {
      set.toldAtMs = nowMs;
      for (const target of targets) target.publish(set, entry, passage);
    }
  };
}
