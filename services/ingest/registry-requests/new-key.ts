import { parsePublicKey } from '../../../platform/crypto/p256-key.ts';
import { accept, reject, type Result } from '../../../core/result.ts';
import { rejected, type Rejected } from '../outcome.ts';

/** A key that a device brings: a point on P-256 whose text is the only one that it has. */
export interface NewKey {
  /** Uncompressed SEC 1 point, 65 bytes, base64url. */
  readonly publicKey: string;
  readonly thumbprint: string;
}

const UNCOMPRESSED_BASE64URL = /^B[A-Za-z0-9_-]{86}$/;

/**
 * The uncompressed point and nothing else: it is what the crypto libraries of devices export, what the registry holds,
 * and a text that can be signed as it is, where a JWK would first need a canonical form.
 */
export function parseNewKey(text: string): Result<NewKey, Rejected> {
  const bytes = Buffer.from(text, 'base64url');
  // The last character has two bits to spare: another one there would be another text of the same key.
  if (!UNCOMPRESSED_BASE64URL.test(text) || bytes.toString('base64url') !== text) {
    return reject(invalid('the public key must be the uncompressed point: 0x04, x and y, 65 bytes, base64url'));
  }
  const key = parsePublicKey(bytes);
  return key.ok ? accept({ publicKey: text, thumbprint: key.value.thumbprint }) : reject(invalid(key.error));
}

function invalid(detail: string): Rejected {
  return rejected('key-invalid', { detail });
}
