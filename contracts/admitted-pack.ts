import { z } from 'zod';
import { parseMetricName, type MetricName, type Reading } from '../core/telemetry/reading.ts';

/**
 * An entry of a shard's readings stream: one field, `pack`, with JSON. Readings are columns: `metric` indexes into
 * `metrics`, `time_us` is Unix microseconds, `value` is a number, text, boolean or null, `sum` is present only when a
 * reading has one.
 */
export const ADMITTED_PACK_FIELD = 'pack';

const column = <T extends z.ZodType>(item: T) => z.array(item).max(1000);

const admittedPackSchema = z
  .strictObject({
    device: z.string(),
    /** Thumbprint of the key that signed. */
    key: z.string(),
    nonce: z.int(),
    created_us: z.int(),
    received_us: z.int(),
    metrics: column(
      z.string().transform((text, context): MetricName => {
        const name = parseMetricName(text);
        if (name === undefined) {
          context.addIssue('not a metric name');
          return z.NEVER;
        }
        return name;
      }),
    ),
    units: column(z.string().nullable()),
    metric: column(z.int().nonnegative()),
    time_us: column(z.int()),
    value: column(z.union([z.number(), z.string(), z.boolean(), z.null()])),
    sum: column(z.number().nullable()).optional(),
  })
  .refine(
    (pack) =>
      pack.units.length === pack.metrics.length &&
      pack.time_us.length === pack.metric.length &&
      pack.value.length === pack.metric.length &&
      (pack.sum === undefined || pack.sum.length === pack.metric.length) &&
      pack.metric.every((index) => index < pack.metrics.length),
    'columns of different lengths',
  );

export type AdmittedPack = z.infer<typeof admittedPackSchema>;

export interface PackOrigin {
  readonly device: string;
  readonly key: string;
  readonly nonce: number;
  readonly createdUs: number;
  readonly receivedUs: number;
}

export function encodeAdmittedPack(origin: PackOrigin, readings: readonly Reading[]): string {
  const metrics: MetricName[] = [];
  const units: (string | null)[] = [];
  const indexes = new Map<string, number>();
  const metric = readings.map((reading) => {
    const known = indexes.get(reading.metric);
    if (known !== undefined) return known;
    indexes.set(reading.metric, metrics.length);
    units.push(reading.unit ?? null);
    return metrics.push(reading.metric) - 1;
  });
  const hasSums = readings.some((reading) => reading.sum !== undefined);
  const pack: { readonly [Column in keyof AdmittedPack]: AdmittedPack[Column] | undefined } = {
    device: origin.device,
    key: origin.key,
    nonce: origin.nonce,
    created_us: origin.createdUs,
    received_us: origin.receivedUs,
    metrics,
    units,
    metric,
    time_us: readings.map((reading) => reading.timeUs),
    value: readings.map((reading) => reading.value ?? null),
    sum: hasSums ? readings.map((reading) => reading.sum ?? null) : undefined,
  };
  return JSON.stringify(pack);
}

/** Undefined for an entry that this version cannot read. */
export function parseAdmittedPack(json: string): AdmittedPack | undefined {
  let input: unknown;
  try {
    input = JSON.parse(json);
  } catch {
    return undefined;
  }
  const parsed = admittedPackSchema.safeParse(input);
  return parsed.success ? parsed.data : undefined;
}

/** The pack with some of its readings. */
export function pickReadings(pack: AdmittedPack, indexes: readonly number[]): AdmittedPack {
  const picked = new Set(indexes);
  const pick = <T>(column: readonly T[]): T[] => column.filter((_, index) => picked.has(index));
  return {
    ...pack,
    metric: pick(pack.metric),
    time_us: pick(pack.time_us),
    value: pick(pack.value),
    ...(pack.sum !== undefined && { sum: pick(pack.sum) }),
  };
}
