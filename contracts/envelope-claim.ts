import { parseSigningKeyName, type SigningKeyName } from '../core/identity/ids.ts';
import type { Nonce } from '../core/identity/nonce.ts';

/** Media types of a pack's content: SenML (RFC 8428) as JSON and as CBOR. */
export const SENML_JSON = 'application/senml+json';
export const SENML_CBOR = 'application/senml+cbor';
export type PackMediaType = typeof SENML_JSON | typeof SENML_CBOR;

/** What an envelope claims, in whichever form it came; nothing of it is proved yet. */
export interface EnvelopeClaim {
  readonly keyName: SigningKeyName;
  /** Unix seconds. */
  readonly createdS: number;
  readonly expiresS?: number | undefined;
  readonly nonce: Nonce;
  /** The bytes that the device signed. */
  readonly signed: Uint8Array;
  /** r and s, big-endian, 64 bytes. */
  readonly signature: Uint8Array;
  /** SHA-256 that the content must have, base64, where the device signed the digest in its place. */
  readonly digestBase64?: string;
  readonly mediaType: PackMediaType;
  readonly content: Uint8Array;
}

/** Key and time that a claim states. They are judged before the claim is checked against the profile. */
export interface StatedOrigin {
  readonly keyName: SigningKeyName | undefined;
  /** Unix seconds. */
  readonly createdS: number | undefined;
  readonly expiresS?: number | undefined;
}

/** `malformed-body`: not an envelope of this kind at all. `signature-invalid`: one, but not of our profile. */
export interface EnvelopeRefusal {
  readonly code: 'payload-too-large' | 'malformed-body' | 'signature-invalid';
  readonly detail: string;
  /** What can be read without doubt of a claim that breaks a rule of the profile. */
  readonly origin?: StatedOrigin;
}

/** Of the members of an envelope's header. */
export function statedOriginOf(keyId: unknown, created: unknown): StatedOrigin {
  return {
    keyName: typeof keyId === 'string' ? parseSigningKeyName(keyId) : undefined,
    createdS: Number.isSafeInteger(created) && Number(created) >= 0 ? Number(created) : undefined,
  };
}

/** What a device puts into an envelope beside its content. */
export interface EnvelopeHeader {
  readonly createdS: number;
  /** `<device id>/<key id>`. */
  readonly keyId: string;
  readonly nonce: number;
  readonly mediaType: PackMediaType;
}

export const SIGNATURE_BYTES = 64;
