import { randomBytes } from 'node:crypto';
import { createApiKey } from '../../core/identity/api-key.ts';
import { parseDuration } from './duration.ts';
import { apiKeyRegistration } from './register-fleet.ts';
import { withRegistry } from './with-registry.ts';

export async function rotateApiKey(deviceId: string, { overlap }: { readonly overlap: string }): Promise<void> {
  const overlapMs = parseDuration(overlap);
  const { text } = createApiKey(randomBytes);
  await withRegistry((_registry, trust) => trust.rotateApiKey(deviceId, apiKeyRegistration(text), overlapMs));
  process.stdout.write(`${text}\n`);
}

export async function revokeApiKey(id: string): Promise<void> {
  await withRegistry((_registry, trust) => trust.revokeApiKey(id));
  process.stderr.write(`the API key ${id} is revoked\n`);
}

export async function revokeKey(deviceId: string, keyId: string): Promise<void> {
  await withRegistry((_registry, trust) => trust.revokeKey(deviceId, keyId));
  process.stderr.write(`the key ${deviceId}/${keyId} is revoked\n`);
}

export async function disableDevice(deviceId: string): Promise<void> {
  await withRegistry((_registry, trust) => trust.disableDevice(deviceId));
  process.stderr.write(`${deviceId} is disabled\n`);
}

export async function enableDevice(deviceId: string): Promise<void> {
  await withRegistry((_registry, trust) => trust.enableDevice(deviceId));
  process.stderr.write(`${deviceId} is enabled\n`);
}
