import type { Pool } from 'pg';
import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { isLate } from '../../../core/telemetry/reading.ts';
import type { MetricDirectory } from './metric-directory.ts';
import type { Partitions } from './partitions.ts';

export interface StoreResult {
  /** Rows that were not there before. */
  readonly stored: number;
  readonly offered: number;
  /** Why a pack, by its position, can never be stored. */
  readonly unstorable: ReadonlyMap<number, string>;
}

interface Columns {
  readonly device: string[];
  readonly metricId: number[];
  readonly timeUs: number[];
  readonly value: (number | null)[];
  readonly text: (string | null)[];
  readonly bool: (boolean | null)[];
  readonly sum: (number | null)[];
  readonly receivedUs: number[];
  readonly late: boolean[];
}

/**
 * Stores packs in one statement. Rows are sorted by key, because two workers that insert the same keys in another order
 * wait for each other, and those of one key by their place in the log; a row that is there already stays as it is, so that
 * a redelivery and a device's re-send change nothing.
 */
export class ReadingsStore {
  readonly #database: Pool;
  readonly #metrics: MetricDirectory;
  readonly #partitions: Partitions;

  constructor(database: Pool, metrics: MetricDirectory, partitions: Partitions) {
    this.#database = database;
    this.#metrics = metrics;
    this.#partitions = partitions;
  }

  async store(packs: readonly AdmittedPack[]): Promise<StoreResult> {
    await this.#metrics.learn(packs);
    const unstorable = new Map<number, string>();
    const columns = emptyColumns();
    for (const [index, pack] of packs.entries()) {
      const reason = this.#append(columns, pack);
      if (reason !== undefined) unstorable.set(index, reason);
    }
    const offered = columns.device.length;
    if (offered === 0) return { stored: 0, offered, unstorable };
    await this.#partitions.ensureFor('readings', columns.timeUs);
    const { rowCount } = await this.#database.query(
      `INSERT INTO readings
         (device_id, metric_id, time, value, value_string, value_bool, value_sum, received_at, late)
       SELECT device_id, metric_id, timestamptz 'epoch' + time_us * interval '1 microsecond', value, value_string,
              value_bool, value_sum, timestamptz 'epoch' + received_us * interval '1 microsecond', late
       FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::float8[], $5::text[], $6::boolean[], $7::float8[],
                   $8::bigint[], $9::boolean[]) WITH ORDINALITY
         AS r (device_id, metric_id, time_us, value, value_string, value_bool, value_sum, received_us, late, place)
       ORDER BY device_id, metric_id, time_us, place
       ON CONFLICT DO NOTHING`,
      [
        columns.device,
        columns.metricId,
        columns.timeUs,
        columns.value,
        columns.text,
        columns.bool,
        columns.sum,
        columns.receivedUs,
        columns.late,
      ],
    );
    return { stored: rowCount ?? 0, offered, unstorable };
  }

  #append(columns: Columns, pack: AdmittedPack): string | undefined {
    const metricIds: number[] = [];
    for (const [index, name] of pack.metrics.entries()) {
      const known = this.#metrics.find(pack.device, name);
      if (known === undefined) return 'too-many-metrics';
      if (known.unit !== (pack.units[index] ?? null)) return 'unit-conflict';
      metricIds.push(known.metricId);
    }
    for (const [index, metric] of pack.metric.entries()) {
      const timeUs = pack.time_us[index] ?? 0;
      const value = pack.value[index];
      columns.device.push(pack.device);
      columns.metricId.push(metricIds[metric] ?? 0);
      columns.timeUs.push(timeUs);
      columns.value.push(typeof value === 'number' ? value : null);
      columns.text.push(typeof value === 'string' ? value : null);
      columns.bool.push(typeof value === 'boolean' ? value : null);
      columns.sum.push(pack.sum?.[index] ?? null);
      columns.receivedUs.push(pack.received_us);
      columns.late.push(isLate(timeUs, pack.received_us));
    }
    return undefined;
  }
}

function emptyColumns(): Columns {
  return { device: [], metricId: [], timeUs: [], value: [], text: [], bool: [], sum: [], receivedUs: [], late: [] };
}
