import { rmSync } from 'node:fs';
import { readKeyOption, type KeyFileOptions } from '../devices/key-file.ts';
import { parseDuration } from '../options/duration.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { withRegistry, WrittenFailure } from '../stores/with-stores.ts';
import { keyRegistration } from './registrations.ts';
import type { DeviceKeyRegistration } from '../../platform/postgres/registry-store.ts';
import type { TrustStore } from '../../platform/postgres/trust-store.ts';

interface NewKeyOptions extends KeyFileOptions, OutputOptions {
  readonly keyId: string;
}

export async function addKey(deviceId: string, options: NewKeyOptions): Promise<void> {
  await withNewKey(deviceId, options, (trust, key) => trust.addKey(deviceId, key));
  tellDone(
    options,
    { device: deviceId, key_id: options.keyId },
    `${deviceId}/${options.keyId} is a key of ${deviceId}`,
  );
}

export async function rotateKey(
  deviceId: string,
  options: NewKeyOptions & { readonly overlap: string },
): Promise<void> {
  const overlapMs = parseDuration(options.overlap);
  await withNewKey(deviceId, options, (trust, key) => trust.rotateKey(deviceId, key, overlapMs));
  tellDone(
    options,
    { device: deviceId, key_id: options.keyId, others_end_in_s: overlapMs / 1000 },
    `${deviceId}/${options.keyId} is the key of ${deviceId}; its others end in ${options.overlap}`,
  );
}

export async function revokeKey(deviceId: string, keyId: string, options: OutputOptions): Promise<void> {
  await withRegistry((_registry, trust) => trust.revokeKey(deviceId, keyId));
  tellDone(options, { device: deviceId, key_id: keyId, revoked: true }, `the key ${deviceId}/${keyId} is revoked`);
}

/** A key pair that was made for nothing is taken away again. */
async function withNewKey(
  deviceId: string,
  options: NewKeyOptions,
  write: (trust: TrustStore, key: DeviceKeyRegistration) => Promise<string>,
): Promise<void> {
  const spki = readKeyOption(options);
  try {
    const key = keyRegistration(deviceId, options.keyId, spki);
    await withRegistry((_registry, trust) => write(trust, key));
  } catch (error) {
    if (options.newKey !== undefined && !(error instanceof WrittenFailure)) rmSync(options.newKey, { force: true });
    throw error;
  }
}
