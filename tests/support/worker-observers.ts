import { Registry } from 'prom-client';
import { createLogger } from '../../platform/log/logger.ts';
import { createWorkerMetrics } from '../../services/worker/metrics.ts';
import type { WorkerObservers } from '../../services/worker/observers.ts';

/** Counts in a registry that nobody reads, and says nothing. */
export function unheardObservers(): WorkerObservers {
  return { metrics: createWorkerMetrics(new Registry()), log: createLogger('test', 'silent') };
}
