import { createHash } from 'node:crypto';
import { parseApiKey } from '../../core/identity/api-key.ts';
import { parseDeviceKeyId } from '../../core/identity/ids.ts';
import { hashForMosquitto } from '../../platform/crypto/mosquitto-password.ts';
import { parsePublicKey } from '../../platform/crypto/p256-key.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';
import type { ApiKeyRegistration, DeviceKeyRegistration } from '../../platform/postgres/registry-store.ts';

/** @param bytes SEC 1 point or SubjectPublicKeyInfo, DER */
export function keyRegistration(deviceId: string, keyId: string, bytes: Uint8Array): DeviceKeyRegistration {
  const id = parseDeviceKeyId(keyId);
  if (id === undefined) throw new CommandFailure(`${keyId} is not a key id: letters, digits and _ -, at most 32`);
  const key = parsePublicKey(bytes);
  if (!key.ok) throw new CommandFailure(`${deviceId}/${keyId}: ${key.error}`);
  return { id, publicKey: key.value.bytes, thumbprint: key.value.thumbprint };
}

export function apiKeyRegistration(text: string): ApiKeyRegistration {
  const apiKey = parseApiKey(text);
  if (apiKey === undefined) throw new CommandFailure('an API key has the form tt_<id>_<secret> with its checksum');
  return {
    id: apiKey.id,
    hash: createHash('sha256').update(apiKey.text).digest(),
    brokerHash: hashForMosquitto(apiKey.text),
  };
}
