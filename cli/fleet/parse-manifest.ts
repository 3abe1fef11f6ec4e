import { z } from 'zod';
import { capStatusSchema } from '../../core/alerts/alert.ts';
import { parseDeviceId } from '../../core/identity/ids.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import type { DeviceRegistration } from '../../platform/postgres/registry-store.ts';
import { tagSchema } from '../devices/describe-device.ts';
import { apiKeyRegistration, keyRegistration } from '../keys/registrations.ts';

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

export type ManifestDevice = z.infer<typeof manifestSchema>['devices'][number];

/** Throws when it is none. */
export function parseManifest(json: string): readonly DeviceRegistration[] {
  return parseManifestDevices(json).map(registrationOf);
}

/** Not registered yet: the hash that the broker wants of an API key is meant to be slow. */
export function parseManifestDevices(json: string): readonly ManifestDevice[] {
  let input: unknown;
  try {
    input = JSON.parse(json);
  } catch (error) {
    throw new CommandFailure(`the manifest is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = manifestSchema.safeParse(input);
  if (!parsed.success) throw new CommandFailure(`the manifest is none: ${z.prettifyError(parsed.error)}`);
  return parsed.data.devices;
}

export function registrationOf(device: ManifestDevice): DeviceRegistration {
  const id = parseDeviceId(device.id);
  if (id === undefined) throw new CommandFailure(`${device.id} is not a device id`);
  return {
    id,
    class: device.class,
    site: device.site,
    owner: device.owner,
    position: { lat: device.lat, lon: device.lon },
    status: device.status,
    tags: device.tags,
    keys: device.keys.map((key) => keyRegistration(id, key.id, Buffer.from(key.public_key, 'base64url'))),
    apiKeys: [apiKeyRegistration(device.api_key)],
  };
}
