import {
  ADMITTED_PACK_FIELD,
  encodeAdmittedPack,
  parseAdmittedPack,
  type AdmittedPack,
} from '../../contracts/admitted-pack.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { shardOf } from '../../contracts/shard.ts';
import { parseMetricName, type MetricName, type Reading } from '../../core/telemetry/reading.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { SHARD_COUNT } from './worker-stores.ts';

export interface DevicePack {
  readonly device: string;
  readonly readings: readonly Reading[];
  /** Now when it does not matter. */
  readonly receivedUs?: number;
  /** When it was received, if that does not matter. */
  readonly createdUs?: number;
}

export function metricName(text: string): MetricName {
  const name = parseMetricName(text);
  if (name === undefined) throw new Error(`${text} is not a metric name`);
  return name;
}

export function numberReading(metric: string, timeUs: number, value: number, unit = 'm/s2'): Reading {
  return { metric: metricName(metric), timeUs, unit, value };
}

/** Readings that make a position. */
export function positionReadings(timeUs: number, lat: number, lon: number, altM?: number): readonly Reading[] {
  return [
    numberReading('lat', timeUs, lat, 'lat'),
    numberReading('lon', timeUs, lon, 'lon'),
    ...(altM === undefined ? [] : [numberReading('alt', timeUs, altM, 'm')]),
  ];
}

export function encodePack(pack: DevicePack): string {
  const { device, readings, receivedUs = Date.now() * 1000, createdUs = receivedUs } = pack;
  const origin = { device, key: 'thumbprint', nonce: receivedUs, createdUs, receivedUs };
  return encodeAdmittedPack(origin, readings);
}

/** As the worker reads it from the log. */
export function packOf(pack: DevicePack): AdmittedPack {
  const read = parseAdmittedPack(encodePack(pack));
  if (read === undefined) throw new Error('the pack cannot be read');
  return read;
}

/** Appends to the device's shard what ingest would append; answers the entry's id. */
export function appendPack(redis: Redis, pack: DevicePack): Promise<string> {
  return appendEntry(redis, shardOf(pack.device, SHARD_COUNT), encodePack(pack));
}

export async function appendEntry(redis: Redis, shard: number, json: string): Promise<string> {
  const id = await redis.xadd(redisKeys.readings(shard), '*', ADMITTED_PACK_FIELD, json);
  if (id === null) throw new Error('the entry was not added');
  return id;
}
