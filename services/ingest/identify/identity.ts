import { redisKeys } from '../../../contracts/redis-keys.ts';
import {
  parseApiKeyRecord,
  parseDeviceRecord,
  type ApiKeyRecord,
  type DeviceRecord,
} from '../../../contracts/registry.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

/** Who an API key belongs to, as the registry's projection says. */
export interface Identity {
  readonly device: DeviceRecord;
  readonly apiKey: ApiKeyRecord;
  /** SHA-256 of the API key's text, 32 bytes. */
  readonly apiKeyHash: Uint8Array;
}

export async function loadIdentity(redis: Redis, apiKeyId: string): Promise<Identity | undefined> {
  const apiKeyJson = await redis.hget(redisKeys.apiKeys, apiKeyId);
  if (apiKeyJson === null) return undefined;
  const apiKey = parseApiKeyRecord(apiKeyJson);
  const deviceJson = await redis.hget(redisKeys.devices, apiKey.device);
  if (deviceJson === null) return undefined;
  return { device: parseDeviceRecord(deviceJson), apiKey, apiKeyHash: Buffer.from(apiKey.hash, 'base64url') };
}
