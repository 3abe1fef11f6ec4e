import type { Pool } from 'pg';
import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import { addClockSample, estimateClockOffset, sampleClock } from '../../../core/telemetry/clock-offset.ts';
import { inTransaction } from '../../../platform/postgres/transaction.ts';

/** What the envelopes of one device have said since the last flush. */
interface Interval {
  readonly sampleMs: number;
  readonly envelopes: number;
  readonly receivedUs: number;
}

/**
 * Keeps the offset of each device's clock. Envelopes are gathered in memory, and the smallest sample of an interval is what
 * counts of it: what delays an envelope only makes its sample larger. A crash loses one interval, and an envelope that is
 * delivered again is counted again with the same sample; neither moves the offset by more than what one sample may.
 */
export class DeviceClocks {
  readonly #database: Pool;
  #intervals = new Map<string, Interval>();

  constructor(database: Pool) {
    this.#database = database;
  }

  observe(packs: readonly AdmittedPack[]): void {
    for (const pack of packs) {
      const sampleMs = sampleClock({
        createdUs: pack.created_us,
        receivedUs: pack.received_us,
        newestReadingUs: pack.time_us.reduce((newest, timeUs) => Math.max(newest, timeUs), pack.created_us),
      });
      if (sampleMs !== undefined) this.#add(pack.device, { sampleMs, envelopes: 1, receivedUs: pack.received_us });
    }
  }

  /** Ends the interval. While the database is away it goes on. */
  async flush(): Promise<void> {
    if (this.#intervals.size === 0) return;
    const ended = this.#intervals;
    this.#intervals = new Map();
    try {
      await this.#store(ended);
    } catch (error) {
      for (const [device, interval] of ended) this.#add(device, interval);
      throw error;
    }
  }

  #add(device: string, { sampleMs, envelopes, receivedUs }: Interval): void {
    const known = this.#intervals.get(device);
    this.#intervals.set(device, {
      sampleMs: Math.min(sampleMs, known?.sampleMs ?? sampleMs),
      envelopes: envelopes + (known?.envelopes ?? 0),
      receivedUs: Math.max(receivedUs, known?.receivedUs ?? receivedUs),
    });
  }

  async #store(intervals: ReadonlyMap<string, Interval>): Promise<void> {
    await inTransaction(this.#database, async (client) => {
      // In one order, because two workers may have heard the same devices.
      const { rows } = await client.query<{ device: string; samples: number[] }>(
        `SELECT device_id AS device, samples_ms AS samples FROM device_clocks WHERE device_id = ANY($1)
         ORDER BY device_id FOR UPDATE`,
        [[...intervals.keys()]],
      );
      const before = new Map(rows.map(({ device, samples }) => [device, samples]));
      const clocks = [...intervals].flatMap(([device, { sampleMs, envelopes, receivedUs }]) => {
        const samples = addClockSample(before.get(device) ?? [], sampleMs);
        const offset = estimateClockOffset(samples);
        return offset === undefined ? [] : [{ device, samples, envelopes, receivedUs, ...offset }];
      });
      await client.query(
        `INSERT INTO device_clocks (device_id, offset_ms, lowest_ms, highest_ms, samples_ms, envelopes, updated_at)
         SELECT device_id, offset_ms, lowest_ms, highest_ms, samples_ms::integer[], envelopes,
                timestamptz 'epoch' + received_us * interval '1 microsecond'
         FROM unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $5::text[], $6::bigint[], $7::bigint[])
           AS c (device_id, offset_ms, lowest_ms, highest_ms, samples_ms, envelopes, received_us)
         ORDER BY device_id
         ON CONFLICT (device_id) DO UPDATE
           SET offset_ms = excluded.offset_ms, lowest_ms = excluded.lowest_ms, highest_ms = excluded.highest_ms,
               samples_ms = excluded.samples_ms, envelopes = device_clocks.envelopes + excluded.envelopes,
               updated_at = greatest(device_clocks.updated_at, excluded.updated_at)`,
        [
          clocks.map(({ device }) => device),
          clocks.map(({ offsetMs }) => offsetMs),
          clocks.map(({ lowestMs }) => lowestMs),
          clocks.map(({ highestMs }) => highestMs),
          // An array of arrays would be unnested to its elements.
          clocks.map(({ samples }) => `{${samples.join(',')}}`),
          clocks.map(({ envelopes }) => envelopes),
          clocks.map(({ receivedUs }) => receivedUs),
        ],
      );
    });
  }
}
