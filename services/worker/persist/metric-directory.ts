import type { Pool } from 'pg';
import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { MAX_METRICS_PER_DEVICE } from '../../../core/telemetry/reading.ts';
import { bumpRegistryVersion } from '../../../platform/postgres/registry-version.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

export interface KnownMetric {
  readonly metricId: number;
  readonly unit: string | null;
}

interface Wanted {
  readonly device: string;
  readonly name: string;
  readonly unit: string | null;
}

/** About 150 bytes each, for each persist lane. */
const MAX_KNOWN = 200_000;

/** Numbers the metrics of each device, in the order in which they are first seen; the first reading sets the unit. */
export class MetricDirectory {
  readonly #database: Pool;
  readonly #known = new Map<string, KnownMetric>();

  constructor(database: Pool) {
    this.#database = database;
  }

  /** Undefined when the device has as many metrics as it may have. */
  find(device: string, name: string): KnownMetric | undefined {
    return this.#known.get(keyOf(device, name));
  }

  /** After a failure: the database may be another one now. */
  forget(): void {
    this.#known.clear();
  }

  /** Makes the metrics of these packs known, adding new ones to the registry. */
  async learn(packs: readonly AdmittedPack[]): Promise<void> {
    if (this.#known.size > MAX_KNOWN) this.#known.clear();
    const wanted = new Map<string, Wanted>();
    for (const { device, metrics, units } of packs) {
      for (const [index, name] of metrics.entries()) {
        const key = keyOf(device, name);
        if (!this.#known.has(key) && !wanted.has(key)) wanted.set(key, { device, name, unit: units[index] ?? null });
      }
    }
    if (wanted.size > 0) await this.#register([...wanted.values()]);
  }

  async #register(wanted: readonly Wanted[]): Promise<void> {
    const devices = wanted.map(({ device }) => device);
    const columns = [devices, wanted.map(({ name }) => name), wanted.map(({ unit }) => unit)];
    await inTransaction(this.#database, async (client) => {
      // A full device that goes on sending new metrics must not move the registry's version: every cache hangs on it.
      const missing = await client.query(
        `SELECT 1 FROM unnest($1::text[], $2::text[]) AS w (device_id, name)
         WHERE NOT EXISTS (SELECT 1 FROM metrics m WHERE m.device_id = w.device_id AND m.name = w.name)
           AND (SELECT count(*) FROM metrics m WHERE m.device_id = w.device_id) < $3 LIMIT 1`,
        [...columns.slice(0, 2), MAX_METRICS_PER_DEVICE],
      );
      if (missing.rowCount === 0) return;
      // The lock on the registry's version keeps two workers from numbering the metrics of one device at once.
      const version = await bumpRegistryVersion(client);
      await client.query(
        `WITH fresh AS (
           SELECT w.device_id, w.name, w.unit, row_number() OVER (PARTITION BY w.device_id ORDER BY w.at)
             + coalesce((SELECT max(m.metric_id) FROM metrics m WHERE m.device_id = w.device_id), 0) AS metric_id
           FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (device_id, name, unit, at)
           WHERE NOT EXISTS (SELECT 1 FROM metrics m WHERE m.device_id = w.device_id AND m.name = w.name))
         INSERT INTO metrics (device_id, metric_id, name, unit)
         SELECT device_id, metric_id, name, unit FROM fresh WHERE metric_id <= $4`,
        [...columns, MAX_METRICS_PER_DEVICE],
      );
      await client.query('UPDATE devices SET registry_version = $1 WHERE id = ANY($2)', [
        version,
        [...new Set(devices)],
      ]);
    });
    await this.#load([...new Set(devices)]);
  }

  async #load(devices: readonly string[]): Promise<void> {
    const { rows } = await this.#database.query<{
      device_id: string;
      name: string;
      metric_id: number;
      unit: string | null;
    }>('SELECT device_id, name, metric_id, unit FROM metrics WHERE device_id = ANY($1)', [devices]);
    for (const row of rows) {
      this.#known.set(keyOf(row.device_id, row.name), { metricId: row.metric_id, unit: row.unit });
    }
  }
}

function keyOf(device: string, name: string): string {
  return `${device}\n${name}`;
}
