import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Transition } from '../../contracts/alert-transition.ts';

export interface WorkerMetrics {
  readonly readingsStored: Counter;
  readonly readingsKnown: Counter;
  readonly persistSeconds: Histogram;
  readonly deadLetters: Counter<'reason'>;
  readonly logTrimmed: Counter;
  readonly logLost: Counter;
  readonly leasesHeld: Gauge;
  readonly leasesLost: Counter;
  readonly transitions: Counter<'rule_kind' | 'kind' | 'severity'>;
  readonly triggers: Counter<'rule'>;
  readonly detectSeconds: Histogram;
}

export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  const registers = [registry];
  return {
    readingsStored: new Counter({ name: 'persist_rows_total', help: 'Readings stored.', registers }),
    readingsKnown: new Counter({
      name: 'persist_known_rows_total',
      help: 'Readings that were in the store already.',
      registers,
    }),
    persistSeconds: new Histogram({
      name: 'persist_batch_duration_seconds',
      help: 'From a batch to its commit.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    deadLetters: new Counter({
      name: 'dlq_entries_total',
      help: 'Entries that cannot be stored, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    logTrimmed: new Counter({
      name: 'log_trimmed_entries_total',
      help: 'Entries deleted from the logs: stored and evaluated.',
      registers,
    }),
    logLost: new Counter({
      name: 'log_lost_entries_total',
      help: 'Acknowledged entries that waited to be stored when their log was last seen before it was lost.',
      registers,
    }),
    leasesHeld: new Gauge({ name: 'leases_held', help: 'Shards and other streams that this worker has.', registers }),
    leasesLost: new Counter({
      name: 'leases_lost_total',
      help: 'Leases that ran out before this worker renewed them.',
      registers,
    }),
    transitions: new Counter({
      name: 'alert_transitions_total',
      help: 'Transitions of alerts that went out.',
      labelNames: ['rule_kind', 'kind', 'severity'],
      registers,
    }),
    triggers: new Counter({
      name: 'triggers_total',
      help: 'What rules found at single devices, for quorums.',
      labelNames: ['rule'],
      registers,
    }),
    detectSeconds: new Histogram({
      name: 'alert_decision_seconds',
      help: 'From the arrival of the reading to the transition that it caused.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
  };
}

/** @param receivedUs when the reading that caused it was accepted; undefined when time alone did */
export function observeTransition(
  metrics: WorkerMetrics,
  { rule_kind, kind, severity, decided_us: decidedUs }: Transition,
  receivedUs: number | undefined,
): void {
  metrics.transitions.inc({ rule_kind, kind, severity });
  if (receivedUs !== undefined) metrics.detectSeconds.observe((decidedUs - receivedUs) / 1e6);
}
