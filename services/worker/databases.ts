import type { Pool } from 'pg';
import type { ResourceStack } from '../../platform/lifecycle/resource-stack.ts';
import type { Logger } from '../../platform/log/logger.ts';
import type { PoolMetrics } from '../../platform/postgres/pool-metrics.ts';
import { endPostgres, openPostgres } from '../../platform/postgres/open-postgres.ts';

/** Pools of one database. Whoever waits for a connection waits for others of the same kind alone. */
export interface WorkerDatabases {
  /** Readings; one connection for each lane. Nothing that is slow may keep them from being stored. */
  readonly store: Pool;
  /** Everything else that is written, which is little. */
  readonly write: Pool;
  /** What is read for its own sake, such as the registry, which may be large. */
  readonly read: Pool;
}

interface DatabaseCollaborators {
  readonly log: Logger;
  readonly resources: ResourceStack;
  readonly metrics: PoolMetrics;
}

const WRITE_CONNECTIONS = 3;
const READ_CONNECTIONS = 2;

export function openWorkerDatabases(
  { url, persistLanes }: { readonly url: string; readonly persistLanes: number },
  { log, resources, metrics }: DatabaseCollaborators,
): WorkerDatabases {
  const open = (kind: string, maxConnections: number): Pool => {
    const pool = openPostgres({ url, name: `telltale-worker-${kind}`, maxConnections }, log);
    metrics.watch(kind, pool);
    resources.defer(`database, ${kind}`, () => endPostgres(pool));
    return pool;
  };
  return {
    store: open('store', persistLanes),
    write: open('write', WRITE_CONNECTIONS),
    read: open('read', READ_CONNECTIONS),
  };
}
