/** What an accelerometer measures, in m/s2 along its three axes. */
export const ACCELERATION_METRICS = ['acc_x', 'acc_y', 'acc_z'] as const;
export const ACCELERATION_UNIT = 'm/s2';

export type Vector = readonly [x: number, y: number, z: number];

/** The acceleration at one time, Unix microseconds. */
export interface Sample {
  readonly timeUs: number;
  readonly acceleration: Vector;
}

/** A reading as the ledger writes it: index into the metrics, Unix microseconds, value. */
export type PackReading = readonly [metricIndex: number, timeUs: number, value: number];

/** What a device sends in one message. */
export interface Pack {
  readonly deviceId: string;
  readonly unit: string;
  readonly metrics: readonly string[];
  readonly readings: readonly PackReading[];
}

/** Of the readings of these samples the first ones, as many as the pack may hold. */
export function createAccelerationPack(deviceId: string, samples: readonly Sample[], mostReadings?: number): Pack {
  const readings = samples.flatMap(({ timeUs, acceleration }) =>
    acceleration.map((value, metricIndex): PackReading => [metricIndex, timeUs, value]),
  );
  return {
    deviceId,
    unit: ACCELERATION_UNIT,
    metrics: ACCELERATION_METRICS,
    readings: readings.slice(0, mostReadings),
  };
}
