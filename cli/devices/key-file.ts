import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';

export interface KeyFileOptions {
  /** PEM file that is there. */
  readonly publicKey?: string;
  /** PEM file that is made. */
  readonly newKey?: string;
}

/** The public key that was given, or that of a key pair that is made now: SubjectPublicKeyInfo, DER. */
export function readKeyOption({ publicKey, newKey }: KeyFileOptions): Uint8Array {
  if ((publicKey === undefined) === (newKey === undefined)) {
    throw new UsageFailure(
      '--public-key <file> is missing, or --new-key <file> for a key pair that is made now; not both',
    );
  }
  return newKey === undefined ? readPublicKey(publicKey ?? '') : createKeyFile(newKey);
}

function readPublicKey(file: string): Uint8Array {
  try {
    return createPublicKey(readFileSync(file)).export({ type: 'spki', format: 'der' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`${file} is no PEM file of a public key that can be read: ${why}`);
  }
}

/** For its owner alone. A key that is there already may be a device's that sends with it. */
function createKeyFile(file: string): Uint8Array {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  try {
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new CommandFailure(`${file} is there already: give --new-key the name of a file that is not`);
    }
    throw new CommandFailure(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
  return publicKey.export({ type: 'spki', format: 'der' });
}
