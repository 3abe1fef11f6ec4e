import pg from 'pg';
import { migrate } from '../../platform/postgres/migrate.ts';
import type { PrivateCluster } from '../postgres/private-cluster.ts';

/** An empty database with the schema; answers its URL. */
export async function createBenchDatabase(cluster: PrivateCluster, name: string): Promise<string> {
  await administer(cluster, `CREATE DATABASE ${name}`);
  await migrate(cluster.url(name), () => undefined);
  return cluster.url(name);
}

export async function dropBenchDatabase(cluster: PrivateCluster, name: string): Promise<void> {
  await administer(cluster, `DROP DATABASE ${name} WITH (FORCE)`);
}

async function administer(cluster: PrivateCluster, sql: string): Promise<void> {
  const admin = new pg.Client({ connectionString: cluster.url('postgres') });
  await admin.connect();
  try {
    await admin.query(sql);
  } finally {
    await admin.end();
  }
}
