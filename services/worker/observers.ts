import type { Logger } from '../../platform/log/logger.ts';
import type { WorkerMetrics } from './metrics.ts';

/** To whom the parts of a worker tell what they do. */
export interface WorkerObservers {
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
}
