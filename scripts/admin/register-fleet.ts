import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { capStatusSchema } from '../../core/alerts/alert.ts';
import { parseApiKey } from '../../core/identity/api-key.ts';
import { parseDeviceId, parseDeviceKeyId } from '../../core/identity/ids.ts';
import { hashForMosquitto } from '../../platform/crypto/mosquitto-password.ts';
import { parsePublicKey } from '../../platform/crypto/p256-key.ts';
import type { ApiKeyRegistration, DeviceRegistration } from '../../platform/postgres/registry-store.ts';
import { tagSchema } from './describe-device.ts';
import { withRegistry } from './with-registry.ts';

const manifestSchema = z.object({
  devices: z.array(
    z.object({
      id: z.string(),
      class: z.enum(['fixed', 'mobile']).default('fixed'),
      site: z.string().nullable().default(null),
      owner: z.string().nullable().default(null),
      status: capStatusSchema.optional(),
      tags: z.array(tagSchema).optional(),
      lat: z.number().min(-90).max(90),
      lon: z.number().min(-180).max(180),
      api_key: z.string(),
      keys: z.array(z.object({ id: z.string(), public_key: z.string() })).min(1),
    }),
  ),
});

type ManifestDevice = z.infer<typeof manifestSchema>['devices'][number];

export async function registerFleet(file: string): Promise<void> {
  const devices = parseManifest(readFileSync(file, 'utf8'));
  await withRegistry((store) => store.registerDevices(devices));
  process.stderr.write(`${devices.length} devices are registered\n`);
}

/** Throws when it is none. */
export function parseManifest(json: string): readonly DeviceRegistration[] {
  return manifestSchema.parse(JSON.parse(json)).devices.map(parseDevice);
}

function parseDevice(device: ManifestDevice): DeviceRegistration {
  const id = parseDeviceId(device.id);
  if (id === undefined) throw new Error(`${device.id} is not a device id`);
  return {
    id,
    class: device.class,
    site: device.site,
    owner: device.owner,
    position: { lat: device.lat, lon: device.lon },
    status: device.status,
    tags: device.tags,
    keys: device.keys.map((key) => parseKey(id, key.id, Buffer.from(key.public_key, 'base64url'))),
    apiKeys: [apiKeyRegistration(device.api_key)],
  };
}

export function parseKey(deviceId: string, keyId: string, bytes: Uint8Array): DeviceRegistration['keys'][number] {
  const id = parseDeviceKeyId(keyId);
  if (id === undefined) throw new Error(`${keyId} is not a key id`);
  const key = parsePublicKey(bytes);
  if (!key.ok) throw new Error(`${deviceId}/${keyId}: ${key.error}`);
  return { id, publicKey: key.value.bytes, thumbprint: key.value.thumbprint };
}

export function apiKeyRegistration(text: string): ApiKeyRegistration {
  const apiKey = parseApiKey(text);
  if (apiKey === undefined) throw new Error('an API key has the form tt_<id>_<secret> with its checksum');
  return {
    id: apiKey.id,
    hash: createHash('sha256').update(apiKey.text).digest(),
    brokerHash: hashForMosquitto(apiKey.text),
  };
}
