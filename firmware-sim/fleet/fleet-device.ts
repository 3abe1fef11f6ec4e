import { z } from 'zod';
import { parseApiKey } from '../../core/identity/api-key.ts';
import { parseDeviceId, parseDeviceKeyId } from '../../core/identity/ids.ts';

const FILE_VERSION = 1;

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'not 32 bytes in base64url');

const privateKeySchema = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: coordinate,
  y: coordinate,
  d: coordinate,
});
export type PrivateKeyJwk = z.infer<typeof privateKeySchema>;

const deviceKeySchema = z.strictObject({
  id: z.string().refine((text) => parseDeviceKeyId(text) !== undefined, 'not a key id'),
  private_key: privateKeySchema,
});

/** All that a simulated device is and knows, as the fleet file keeps it. */
const fleetDeviceSchema = z.strictObject({
  id: z.string().refine((text) => parseDeviceId(text) !== undefined, 'not a device id'),
  site: z.string(),
  owner: z.string(),
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  api_key: z.string().refine((text) => parseApiKey(text) !== undefined, 'not an API key'),
  key: deviceKeySchema,
  /** No nonce above this one was used. */
  nonce_reserved: z.int().min(-1),
});
export type FleetDevice = z.infer<typeof fleetDeviceSchema>;

const fleetSchema = z.strictObject({ version: z.literal(FILE_VERSION), devices: z.array(fleetDeviceSchema) });

export function parseFleet(json: string): FleetDevice[] {
  return fleetSchema.parse(JSON.parse(json)).devices;
}

export function formatFleet(devices: readonly FleetDevice[]): string {
  return `${JSON.stringify({ version: FILE_VERSION, devices }, undefined, 1)}\n`;
}
