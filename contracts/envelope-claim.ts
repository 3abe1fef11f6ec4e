import type { SigningKeyName } from '../core/identity/ids.ts';
import type { Nonce } from '../core/identity/nonce.ts';

/** Media types of a pack's content: SenML (RFC 8428) as JSON and as CBOR. */
export const SENML_JSON = 'application/senml+json';
export const SENML_CBOR = 'application/senml+cbor';
export type PackMediaType = typeof SENML_JSON | typeof SENML_CBOR;

/** What a self-contained envelope claims; nothing of it is proved yet. */
export interface EnvelopeClaim {
  readonly keyName: SigningKeyName;
  /** Unix seconds. */
  readonly createdS: number;
  readonly nonce: Nonce;
  /** The bytes that the device signed. */
  readonly signed: Uint8Array;
  /** r and s, big-endian, 64 bytes. */
  readonly signature: Uint8Array;
  readonly mediaType: PackMediaType;
  readonly content: Uint8Array;
}

/** `malformed-body`: not an envelope of this kind at all. `signature-invalid`: one, but not of our profile. */
export interface EnvelopeRefusal {
  readonly code: 'malformed-body' | 'signature-invalid';
  readonly detail: string;
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
