import { parseMetricName, type MetricName, type Reading } from '../core/telemetry/reading.ts';
import { MAX_RECORDS } from '../core/telemetry/senml-pack.ts';

/**
 * An entry of a shard's readings stream: one field, `pack`, with JSON. Readings are columns: `metric` indexes into
 * `metrics`, `time_us` is Unix microseconds, `value` is a number, text, boolean or null, `sum` is present only when a
 * reading has one.
 */
export const ADMITTED_PACK_FIELD = 'pack';

export interface AdmittedPack {
  readonly device: string;
  /** Thumbprint of the key that signed. */
  readonly key: string;
  readonly nonce: number;
  readonly created_us: number;
  readonly received_us: number;
  readonly metrics: readonly MetricName[];
  /** Of the metrics. */
  readonly units: readonly (string | null)[];
  readonly metric: readonly number[];
  readonly time_us: readonly number[];
  readonly value: readonly (number | string | boolean | null)[];
  readonly sum?: readonly (number | null)[] | undefined;
}

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
  return isAdmittedPack(input) ? input : undefined;
}

const MEMBERS: ReadonlySet<string> = new Set(
  'device key nonce created_us received_us metrics units metric time_us value sum'.split(' '),
);

/** Checked by hand: every entry is read twice, to be stored and to be evaluated, and a schema takes four times as long. */
function isAdmittedPack(input: unknown): input is AdmittedPack {
  if (typeof input !== 'object' || input === null) return false;
  const pack: { readonly [Member in keyof AdmittedPack]?: unknown } = input;
  const { metrics, units, metric, time_us: timeUs, value, sum } = pack;
  return (
    typeof pack.device === 'string' &&
    typeof pack.key === 'string' &&
    Number.isSafeInteger(pack.nonce) &&
    Number.isSafeInteger(pack.created_us) &&
    Number.isSafeInteger(pack.received_us) &&
    isColumn(metrics, isMetricName) &&
    isColumn(units, isTextOrNull) &&
    isColumn(metric, Number.isSafeInteger) &&
    isColumn(timeUs, Number.isSafeInteger) &&
    isColumn(value, isValue) &&
    (sum === undefined || (isColumn(sum, isNumberOrNull) && sum.length === metric.length)) &&
    units.length === metrics.length &&
    timeUs.length === metric.length &&
    value.length === metric.length &&
    metric.every((index) => Number(index) >= 0 && Number(index) < metrics.length) &&
    Object.keys(input).every((member) => MEMBERS.has(member))
  );
}

function isColumn(input: unknown, isItem: (item: unknown) => boolean): input is readonly unknown[] {
  if (!Array.isArray(input) || input.length > MAX_RECORDS) return false;
  for (const item of input) if (!isItem(item)) return false;
  return true;
}

const isMetricName = (item: unknown): boolean => typeof item === 'string' && parseMetricName(item) !== undefined;
const isTextOrNull = (item: unknown): boolean => item === null || typeof item === 'string';
const isNumberOrNull = (item: unknown): boolean => item === null || Number.isFinite(item);
const isValue = (item: unknown): boolean =>
  isNumberOrNull(item) || typeof item === 'string' || typeof item === 'boolean';

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
