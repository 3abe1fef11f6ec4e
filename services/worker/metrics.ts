import type { Counter, Histogram, Registry } from 'prom-client';
import { DEAD_LETTER_REASONS } from '../../contracts/dead-letter.ts';
import type { Transition } from '../../contracts/alert-transition.ts';
import { MetricSet, type Samples } from '../../platform/metrics/metric-set.ts';

export interface WorkerMetrics {
  readonly readingsStored: Counter;
  readonly readingsKnown: Counter;
  readonly persistSeconds: Histogram;
  readonly persistRows: Histogram;
  readonly deadLetters: Counter<'reason'>;
  readonly logTrimmed: Counter;
  readonly logLost: Counter;
  readonly leasesLost: Counter;
  readonly transitions: Counter<'rule_kind' | 'kind' | 'severity'>;
  readonly transitionsStored: Counter;
  readonly triggers: Counter<'rule'>;
  readonly detectSeconds: Histogram;
  readonly zonePacks: Counter<'zone'>;
  readonly requests: Counter<'kind' | 'outcome'>;
  readonly securityEvents: Counter;
  readonly projections: Counter;
  readonly partitionsDropped: Counter<'table'>;
  readonly rowsDeleted: Counter<'table'>;
}

/** What is read when it is scraped. */
export interface WorkerReadings {
  /** Of what this worker has. */
  readonly leases: () => Samples<'lease'>;
  readonly pendingEntries: () => Samples<'stream' | 'shard'>;
  readonly lagSeconds: () => Samples<'stream' | 'shard'>;
  readonly deadLetters: () => Samples<'shard'>;
  readonly detectLagSeconds: () => Samples<'shard'>;
  /** Empty for a worker that does not lead. */
  readonly associateLagSeconds: () => Samples<never>;
  readonly projectionStaleSeconds: () => number;
  readonly registryVersion: () => number;
  readonly shards: () => number;
}

const PERSIST_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const PERSIST_ROWS = [1, 10, 100, 1000, 5000, 10_000, 20_000, 40_000];
const DECISION_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  const metrics = new MetricSet(registry);
  return {
    readingsStored: metrics.counter('persist_rows_total', 'Readings stored.'),
    readingsKnown: metrics.counter('persist_known_rows_total', 'Readings that were in the store already.'),
    persistSeconds: metrics.histogram('persist_batch_duration_seconds', 'From a batch to its commit.', PERSIST_S),
    persistRows: metrics.histogram('persist_batch_rows', 'Readings of a batch.', PERSIST_ROWS),
    deadLetters: metrics.counterOf(
      'dlq_entries_total',
      'Entries that cannot be stored, by reason.',
      'reason',
      DEAD_LETTER_REASONS,
    ),
    logTrimmed: metrics.counter(
      'log_trimmed_entries_total',
      'Entries deleted from the logs, because they are stored and evaluated.',
    ),
    logLost: metrics.counter(
      'log_lost_entries_total',
      'Acknowledged entries that waited to be stored when their log was last seen before it was lost.',
    ),
    leasesLost: metrics.counter('leases_lost_total', 'Leases that ran out before this worker renewed them.'),
    transitions: metrics.counter('alert_transitions_total', 'Transitions of alerts that went out.', [
      'rule_kind',
      'kind',
      'severity',
    ]),
    transitionsStored: metrics.counter(
      'alert_transitions_stored_total',
      'Transitions of alerts brought to the database.',
    ),
    triggers: metrics.counter('triggers_total', 'What rules found at single devices, for quorums.', ['rule']),
    detectSeconds: metrics.histogram(
      'alert_decision_seconds',
      'From the arrival of the reading to the transition that it caused.',
      DECISION_S,
    ),
    zonePacks: metrics.counter(
      'zone_packs_total',
      'Packs of the devices of a zone that rules have seen. Zones are as many as operators made.',
      ['zone'],
    ),
    requests: metrics.counter(
      'registry_requests_total',
      'Requests of devices to the registry, by kind and outcome: `done`, or the code of the problem.',
      ['kind', 'outcome'],
    ),
    securityEvents: metrics.counter('security_events_stored_total', 'Security events brought to the database.'),
    projections: metrics.counter('projections_total', 'Versions of the registry that this worker projected.'),
    partitionsDropped: metrics.counter(
      'retention_dropped_partitions_total',
      'Partitions dropped because they are older than what is kept.',
      ['table'],
    ),
    rowsDeleted: metrics.counter(
      'retention_deleted_rows_total',
      'Rows deleted because they are older than what is kept.',
      ['table'],
    ),
  };
}

export function registerWorkerReadings(registry: Registry, readings: WorkerReadings): void {
  const metrics = new MetricSet(registry);
  metrics.readings(
    'leases_held',
    'What this worker works on: shards (`shard`), and the streams that one worker at a time leads.',
    ['lease'],
    readings.leases,
  );
  metrics.readings(
    'stream_pending_entries',
    'Entries of a stream that its group has not dealt with, of the streams that this worker has.',
    ['stream', 'shard'],
    readings.pendingEntries,
  );
  metrics.readings(
    'stream_lag_seconds',
    'Age of the oldest entry of a stream that its group has not dealt with; 0 when there is none.',
    ['stream', 'shard'],
    readings.lagSeconds,
  );
  metrics.readings(
    'dlq_waiting_entries',
    'Dead letters that wait to be replayed or discarded, of the shards that this worker has.',
    ['shard'],
    readings.deadLetters,
  );
  metrics.readings(
    'detect_lag_seconds',
    'Since rules had last seen all of the log of a shard, or since this worker has it; below 2 when all is well.',
    ['shard'],
    readings.detectLagSeconds,
  );
  metrics.readings(
    'associate_lag_seconds',
    'Since association had last seen all triggers; of the worker that leads it, no sample of others.',
    [],
    readings.associateLagSeconds,
  );
  metrics.reading('log_shards', 'Shards that the log has, whoever works on them.', readings.shards);
  metrics.reading(
    'projection_stale_seconds',
    'Since this worker last saw the projection of the registry in Redis at the version of the database.',
    readings.projectionStaleSeconds,
  );
  metrics.reading(
    'registry_version',
    'Version of the registry in the database, as last read.',
    readings.registryVersion,
  );
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
