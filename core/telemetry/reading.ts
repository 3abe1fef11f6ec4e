/** Name of one metric of one device. */
export type MetricName = string & { readonly __brand: 'MetricName' };

const METRIC = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export const MAX_METRICS_PER_DEVICE = 64;
/** A reading older than this when it arrives is late: stored and flagged, without part in live detection. */
export const LATE_AFTER_US = 60_000_000;

export function parseMetricName(text: string): MetricName | undefined {
  return METRIC.test(text) ? (text as MetricName) : undefined;
}

/** One value of one metric of one device at one time. At least one of `value` and `sum` is present. */
export interface Reading {
  readonly metric: MetricName;
  /** Unix time in microseconds, by the device's clock. */
  readonly timeUs: number;
  /** Primary SenML unit; undefined when the device names none. */
  readonly unit?: string | undefined;
  readonly value?: number | string | boolean | undefined;
  /** Integral of the value over time (RFC 8428 section 4.2). */
  readonly sum?: number | undefined;
}

export function isLate(timeUs: number, receivedUs: number): boolean {
  return receivedUs - timeUs > LATE_AFTER_US;
}
