import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createApiKey } from '../../core/identity/api-key.ts';
import { parsePublicKey } from '../../platform/crypto/p256-key.ts';
import type {
  ApiKeyRegistration,
  DeviceKeyRegistration,
  DeviceRegistration,
} from '../../platform/postgres/registry-store.ts';

export function newDeviceKey(id: string): DeviceKeyRegistration {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const parsed = parsePublicKey(publicKey.export({ type: 'spki', format: 'der' }));
  if (!parsed.ok) throw new Error(parsed.error);
  return { id, publicKey: parsed.value.bytes, thumbprint: parsed.value.thumbprint };
}

export function newApiKey(): ApiKeyRegistration {
  const { id, text } = createApiKey(randomBytes);
  return { id, hash: createHash('sha256').update(text).digest() };
}

export function deviceRegistration(id: string, changes: Partial<DeviceRegistration> = {}): DeviceRegistration {
  return {
    id,
    class: 'fixed',
    site: null,
    owner: null,
    position: { lat: 47.5, lon: 19.04 },
    keys: [newDeviceKey('1')],
    apiKeys: [newApiKey()],
    ...changes,
  };
}
