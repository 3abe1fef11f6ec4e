import type { PoolClient } from 'pg';

/** The same for a change of what devices may do: what was judged by an older version is judged again. */
export async function bumpTrustVersion(client: PoolClient): Promise<string> {
  const version = await bumpRegistryVersion(client);
  await client.query('UPDATE registry_state SET trust_version = version');
  return version;
}

/**
 * The version of a change of the registry, to be written on every row that it touches. Holds a lock until the transaction
 * ends, so that versions become visible in order.
 */
export async function bumpRegistryVersion(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ version: string }>(
    'UPDATE registry_state SET version = version + 1 RETURNING version::text',
  );
  const version = rows[0]?.version;
  if (version === undefined) throw new Error('the table registry_state is empty; apply the migrations');
  return version;
}

/** Keeps everybody else from changing the registry until the transaction ends, and answers the version that it is at. */
export async function lockRegistry(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ version: string }>('SELECT version::text FROM registry_state FOR UPDATE');
  const version = rows[0]?.version;
  if (version === undefined) throw new Error('the table registry_state is empty; apply the migrations');
  return version;
}
