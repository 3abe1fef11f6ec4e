import { DatabaseError, type Pool } from 'pg';
import {
  encodeBoolArray,
  encodeFloat8Array,
  encodeInt2Array,
  encodeTextArray,
  encodeTimestamptzArray,
} from '../../../platform/postgres/binary-array.ts';
import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import type { DeadLetterReason } from '../../../contracts/dead-letter.ts';
import { isLate } from '../../../core/telemetry/reading.ts';
import type { MetricDirectory } from './metric-directory.ts';
import type { Partitions } from './partitions.ts';

export interface StoreResult {
  /** Rows that were not there before. */
  readonly stored: number;
  readonly offered: number;
  /** Why a pack, by its position, can never be stored. */
  readonly unstorable: ReadonlyMap<number, DeadLetterReason>;
  /** Readings of a pack, by its position, for whose key another value is stored: their indexes. */
  readonly conflicts: ReadonlyMap<number, readonly number[]>;
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
  /** Where each reading comes from: position of its pack, index in it. */
  readonly origin: (readonly [number, number])[];
}

/** A batch that fails leaves its rows for the vacuum: one in so many at most. */
const CAREFUL_BATCHES = 64;
/** A sum of doubles that overflows is an error, and would keep a reading out of the store that is as good as any. */
const SUMMED_BELOW = '1e290';

/**
 * Stores packs in one statement, at first as if none of the rows were there. Rows are sorted by key, because two workers that insert the same keys in another order
 * wait for each other, and those of one key by their place in the log; a row that is there already stays as it is, so that
 * a redelivery and a device's re-send change nothing.
 */
export class ReadingsStore {
  readonly #database: Pool;
  readonly #metrics: MetricDirectory;
  readonly #partitions: Partitions;
  /** So many batches to come may have rows that are there: where one is, as after a crash, there are more. */
  #carefulBatches = 0;

  constructor(database: Pool, metrics: MetricDirectory, partitions: Partitions) {
    this.#database = database;
    this.#metrics = metrics;
    this.#partitions = partitions;
  }

  async store(packs: readonly AdmittedPack[]): Promise<StoreResult> {
    try {
      return await this.#store(packs);
    } catch (error) {
      this.#metrics.forget();
      this.#partitions.forget();
      throw error;
    }
  }

  async #store(packs: readonly AdmittedPack[]): Promise<StoreResult> {
    await this.#metrics.learn(packs);
    const unstorable = new Map<number, DeadLetterReason>();
    const columns = emptyColumns();
    for (const [index, pack] of sortedByDevice(packs)) {
      const reason = this.#append(columns, pack, index);
      if (reason !== undefined) unstorable.set(index, reason);
    }
    const offered = columns.device.length;
    if (offered === 0) return { stored: 0, offered, unstorable, conflicts: new Map() };
    for (const table of ['readings', 'readings_minute', 'readings_hour'] as const) {
      await this.#partitions.ensureFor(table, columns.timeUs);
    }
    const stored = await this.#insert(columns);
    const conflicts = stored === offered ? new Map<number, number[]>() : await this.#findConflicts(columns);
    return { stored, offered, unstorable, conflicts };
  }

  /** Answers how many rows were not there before. */
  async #insert(columns: Columns): Promise<number> {
    const parameters = [
      ...valuesOf(columns),
      encodeTimestamptzArray(columns.receivedUs),
      encodeBoolArray(columns.late),
    ];
    if (this.#carefulBatches > 0) this.#carefulBatches -= 1;
    else {
      try {
        return await this.#run(INSERT_NEW, parameters);
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        this.#carefulBatches = CAREFUL_BATCHES;
      }
    }
    return await this.#run(INSERT_UNKNOWN, parameters);
  }

  async #run(sql: string, parameters: readonly Buffer[]): Promise<number> {
    const { rows } = await this.#database.query<{ stored: number }>(sql, [...parameters]);
    return rows[0]?.stored ?? 0;
  }

  /**
   * Rows never change, so that it does not matter when this looks, or how often. OFFSET 0 has the planner look each key up in
   * its partition: left to itself it reads all of them, for it does not count on skipping the others.
   */
  async #findConflicts(columns: Columns): Promise<Map<number, number[]>> {
    const { rows } = await this.#database.query<{ place: number }>(
      `SELECT o.place::int AS place
       FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::float8[], $5::text[], $6::boolean[], $7::float8[])
         WITH ORDINALITY AS o (device_id, metric_id, time, value, value_string, value_bool, value_sum, place)
       CROSS JOIN LATERAL (
         SELECT * FROM readings s WHERE s.device_id = o.device_id AND s.metric_id = o.metric_id
           AND s.time = o.time OFFSET 0) r
       WHERE (r.value, r.value_string, r.value_bool, r.value_sum)
         IS DISTINCT FROM (o.value, o.value_string, o.value_bool, o.value_sum)
       ORDER BY o.place`,
      valuesOf(columns),
    );
    const conflicts = new Map<number, number[]>();
    for (const { place } of rows) {
      const [pack, reading] = columns.origin[place - 1] ?? [0, 0];
      const known = conflicts.get(pack);
      if (known === undefined) conflicts.set(pack, [reading]);
      else known.push(reading);
    }
    return conflicts;
  }

  #append(columns: Columns, pack: AdmittedPack, position: number): DeadLetterReason | undefined {
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
      columns.origin.push([position, index]);
    }
    return undefined;
  }
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23505';
}

/** Two workers that roll up the same metrics wait for each other in the same order. */
function rollUp(table: 'readings_minute' | 'readings_hour', stride: string): string {
  return `${table} AS (
         INSERT INTO ${table} AS r (device_id, metric_id, time, readings, numbers, sum, min, max)
         SELECT device_id, metric_id, date_bin('${stride}', time, timestamptz 'epoch'), count(*), count(value),
                sum(value) FILTER (WHERE abs(value) < ${SUMMED_BELOW}), min(value), max(value)
         FROM inserted GROUP BY 1, 2, 3 ORDER BY device_id COLLATE "C", 2, 3
         ON CONFLICT (device_id, metric_id, time) DO UPDATE
           SET readings = r.readings + excluded.readings, numbers = r.numbers + excluded.numbers,
               sum = coalesce(r.sum + excluded.sum, r.sum, excluded.sum),
               min = least(r.min, excluded.min), max = greatest(r.max, excluded.max))`;
}

/** With their positions. Rows that come in order are not moved when they are sorted; those of one device stay as they are. */
function sortedByDevice(packs: readonly AdmittedPack[]): (readonly [number, AdmittedPack])[] {
  return [...packs.entries()].sort(([, { device: a }], [, { device: b }]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The parameters that say what was measured. */
function valuesOf({ device, metricId, timeUs, value, text, bool, sum }: Columns): Buffer[] {
  return [
    encodeTextArray(device),
    encodeInt2Array(metricId),
    encodeTimestamptzArray(timeUs),
    encodeFloat8Array(value),
    encodeTextArray(text),
    encodeBoolArray(bool),
    encodeFloat8Array(sum),
  ];
}

/** The rollups are of the rows that were inserted, so that they count each row once. */
function insertStatement(onConflict: string): string {
  return `WITH inserted AS (
         INSERT INTO readings
           (device_id, metric_id, time, value, value_string, value_bool, value_sum, received_at, late)
         SELECT device_id, metric_id, time, value, value_string, value_bool, value_sum, received_at, late
         FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::float8[], $5::text[], $6::boolean[],
                     $7::float8[], $8::timestamptz[], $9::boolean[]) WITH ORDINALITY
           AS r (device_id, metric_id, time, value, value_string, value_bool, value_sum, received_at, late, place)
         ORDER BY device_id COLLATE "C", metric_id, time, place
         ${onConflict}
         RETURNING device_id, metric_id, time, value),
       ${rollUp('readings_minute', '1 minute')},
       ${rollUp('readings_hour', '1 hour')}
       SELECT count(*)::int AS stored FROM inserted`;
}

/** Fails when any of the rows is there. Takes two thirds of the time: nothing is looked up before it is inserted. */
const INSERT_NEW = insertStatement('');
/** Leaves out what is there. */
const INSERT_UNKNOWN = insertStatement('ON CONFLICT DO NOTHING');

function emptyColumns(): Columns {
  return {
    device: [],
    metricId: [],
    timeUs: [],
    value: [],
    text: [],
    bool: [],
    sum: [],
    receivedUs: [],
    late: [],
    origin: [],
  };
}
