import { hash as sha256, timingSafeEqual } from 'node:crypto';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import {
  parseApiKeyRecord,
  parseDeviceRecord,
  type ApiKeyRecord,
  type DeviceRecord,
} from '../../../contracts/registry.ts';
import { parseApiKey } from '../../../core/identity/api-key.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { ProjectionCache } from '../../../platform/redis/projection-cache.ts';
import type { Sender } from '../message.ts';

interface KnownApiKey {
  readonly record: ApiKeyRecord;
  /** SHA-256 of the API key's text, 32 bytes. */
  readonly hash: Uint8Array;
}

type Maybe<T> = T | undefined | Promise<T | undefined>;

/** Whom a sender is, as the registry's projection says. Rejects when Redis does not answer. */
export class Identities {
  readonly #apiKeys: ProjectionCache<KnownApiKey>;
  readonly #devices: ProjectionCache<DeviceRecord>;

  /** @param maxKnown API keys, and as many devices; about 2 kB for the two */
  constructor(redis: Redis, maxKnown: number) {
    this.#apiKeys = new ProjectionCache({ read: (id) => readApiKey(redis, id), maxKnown });
    this.#devices = new ProjectionCache({ read: (id) => readDevice(redis, id), maxKnown });
  }

  get size(): number {
    return this.#apiKeys.size + this.#devices.size;
  }

  clear(): void {
    this.#apiKeys.clear();
    this.#devices.clear();
  }

  /** Undefined for what is unknown, wrong, expired or revoked: outside they look the same. */
  find(sender: Sender, nowMs: number): Maybe<DeviceRecord> {
    if (sender.kind === 'topic') return this.#devices.find(sender.deviceId);
    const presented = parseApiKey(sender.text);
    if (presented === undefined) return undefined;
    const known = this.#apiKeys.find(presented.id);
    if (known instanceof Promise) return known.then((apiKey) => this.#ownerOf(apiKey, sender.text, nowMs));
    return this.#ownerOf(known, sender.text, nowMs);
  }

  #ownerOf(apiKey: KnownApiKey | undefined, presented: string, nowMs: number): Maybe<DeviceRecord> {
    if (apiKey === undefined || !opens(apiKey, presented, nowMs)) return undefined;
    return this.#devices.find(apiKey.record.device);
  }
}

function opens({ record, hash }: KnownApiKey, presented: string, nowMs: number): boolean {
  if (!timingSafeEqual(sha256('sha256', presented, 'buffer'), hash)) return false;
  const { not_before_ms: notBeforeMs, not_after_ms: notAfterMs, revoked_at_ms: revokedAtMs } = record;
  if (revokedAtMs !== null && nowMs >= revokedAtMs) return false;
  if (notBeforeMs !== null && nowMs < notBeforeMs) return false;
  return notAfterMs === null || nowMs <= notAfterMs;
}

async function readApiKey(redis: Redis, id: string): Promise<KnownApiKey | undefined> {
  const json = await redis.hget(redisKeys.apiKeys, id);
  if (json === null) return undefined;
  const record = parseApiKeyRecord(json);
  return { record, hash: Buffer.from(record.hash, 'base64url') };
}

async function readDevice(redis: Redis, id: string): Promise<DeviceRecord | undefined> {
  const json = await redis.hget(redisKeys.devices, id);
  return json === null ? undefined : parseDeviceRecord(json);
}
