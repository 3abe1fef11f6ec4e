import type { DeviceId, DeviceKeyId } from '../core/identity/ids.ts';
import { KEYS_PATH } from './http-signature.ts';

/**
 * The texts that a device signs to prove that it holds the private half of a key which it brings. Lines with LF between
 * them and none at the end; no field can contain one. The first line keeps these signatures apart from those of packs and
 * from each other.
 */
export const ENROLMENT_PATH = '/v1/enrolments';

export interface EnrolmentChallenge {
  /** SHA-256 of the enrolment token's text, base64url. */
  readonly tokenHash: string;
  readonly deviceId: DeviceId;
  readonly keyId: DeviceKeyId;
  /** Uncompressed SEC 1 point, base64url. */
  readonly publicKey: string;
  /** Unix seconds. */
  readonly createdS: number;
}

export function enrolmentChallenge(challenge: EnrolmentChallenge): string {
  const { tokenHash, deviceId, keyId, publicKey, createdS } = challenge;
  const lines = ['telltale-enrolment-v1', 'POST', ENROLMENT_PATH, tokenHash, deviceId, keyId, publicKey];
  return [...lines, String(createdS)].join('\n');
}

export interface KeyChallenge {
  readonly deviceId: DeviceId;
  /** Of the new key. */
  readonly keyId: DeviceKeyId;
  /** Uncompressed SEC 1 point, base64url. */
  readonly publicKey: string;
  /** Unix seconds. */
  readonly notBeforeS: number | null;
  readonly notAfterS: number | null;
  /** Those of the request's signature: the proof holds for no other request. */
  readonly createdS: number;
  readonly nonce: number;
}

/** A limit that is not set is a hyphen. */
export function keyChallenge(challenge: KeyChallenge): string {
  const { deviceId, keyId, publicKey, notBeforeS, notAfterS, createdS, nonce } = challenge;
  const limits = [notBeforeS, notAfterS].map((limit) => (limit === null ? '-' : String(limit)));
  const lines = ['telltale-key-v1', 'POST', KEYS_PATH, deviceId, keyId, publicKey, ...limits];
  return [...lines, String(createdS), String(nonce)].join('\n');
}
