import { createHash, randomBytes } from 'node:crypto';
import { createApiKey } from '../../core/identity/api-key.ts';
import { createSigningKey } from './create-signing-key.ts';
import type { FleetDevice, PrivateKeyJwk } from './fleet-device.ts';

export interface Placement {
  readonly id: string;
  readonly site: string;
  readonly owner: string;
  readonly lat: number;
  readonly lon: number;
}

const KEY_ID_LENGTH = 16;

/** A device fresh from the factory: its own signing key and API key. */
export function createDevice({ id, site, owner, lat, lon }: Placement): FleetDevice {
  const key = createSigningKey();
  return {
    ...{ id, site, owner, lat, lon },
    api_key: createApiKey(randomBytes).text,
    key: { id: keyIdOf(key), private_key: key },
    nonce_reserved: -1,
  };
}

/** The start of the thumbprint (RFC 7638), so that two fleets with one device's name do not have keys of one name. */
function keyIdOf({ crv, kty, x, y }: PrivateKeyJwk): string {
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  return thumbprint.slice(0, KEY_ID_LENGTH);
}
