import { createECDH } from 'node:crypto';
import type { PrivateKeyJwk } from './fleet-device.ts';

const COORDINATE_BYTES = 32;

/**
 * A new P-256 key. Not by `generateKeyPairSync`: exporting what it made as a JWK stops Node 20 for ever when the garbage
 * collector runs meanwhile, because the finished generator then waits for the key that is being exported.
 */
export function createSigningKey(): PrivateKeyJwk {
  const curve = createECDH('prime256v1');
  const point = curve.generateKeys();
  const scalar = Buffer.alloc(COORDINATE_BYTES);
  const significant = curve.getPrivateKey();
  significant.copy(scalar, COORDINATE_BYTES - significant.length);
  return {
    kty: 'EC',
    crv: 'P-256',
    x: point.toString('base64url', 1, 1 + COORDINATE_BYTES),
    y: point.toString('base64url', 1 + COORDINATE_BYTES),
    d: scalar.toString('base64url'),
  };
}
