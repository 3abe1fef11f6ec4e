import { createHash } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { parseKeyThumbprint, type KeyThumbprint } from '../../core/identity/ids.ts';
import { accept, reject, type Result } from '../../core/result.ts';

const SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/** A point on P-256, not the identity: 65 bytes, uncompressed SEC 1. */
export interface PublicKey {
  readonly bytes: Uint8Array;
  readonly thumbprint: KeyThumbprint;
}

/** Accepts an SEC 1 point (33 or 65 bytes) or a SubjectPublicKeyInfo in DER; checks that the point is on the curve. */
export function parsePublicKey(input: Uint8Array): Result<PublicKey, string> {
  const point = isSpki(input) ? input.subarray(SPKI_PREFIX.length) : input;
  let bytes: Uint8Array;
  try {
    bytes = p256.Point.fromBytes(point).toBytes(false);
  } catch {
    return reject('not a P-256 public key: the curve must be P-256 and the point on it');
  }
  return accept({ bytes, thumbprint: thumbprintOf(bytes) });
}

function isSpki(input: Uint8Array): boolean {
  return input.length === SPKI_PREFIX.length + 65 && SPKI_PREFIX.equals(input.subarray(0, SPKI_PREFIX.length));
}

export interface PublicKeyCoordinates {
  readonly x: string;
  readonly y: string;
}

/** The coordinates of an uncompressed point, base64url, as in a JWK. */
export function coordinatesOf(bytes: Uint8Array): PublicKeyCoordinates {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { x: buffer.toString('base64url', 1, 33), y: buffer.toString('base64url', 33, 65) };
}

/** RFC 7638: SHA-256 of the required members in lexical order. */
function thumbprintOf(bytes: Uint8Array): KeyThumbprint {
  const { x, y } = coordinatesOf(bytes);
  const json = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y });
  const thumbprint = parseKeyThumbprint(createHash('sha256').update(json).digest('base64url'));
  if (thumbprint === undefined) throw new Error('a SHA-256 digest is 43 base64url characters');
  return thumbprint;
}
