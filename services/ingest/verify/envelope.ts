import type { DeviceId } from '../../../core/identity/ids.ts';
import type { PackMediaType } from '../../../contracts/envelope-claim.ts';
import type { ProblemCode, ProblemExtras } from '../../../contracts/problem.ts';

/** What proving one message takes beside its bytes. It crosses to a verify thread, so it is plain data. */
export interface EnvelopeHead {
  readonly deviceId: DeviceId;
  /** Thumbprint of the key that is said to have signed. */
  readonly key: string;
  /** Uncompressed SEC 1 point, base64url. */
  readonly publicKey: string;
  /** SHA-256 that the content must have, base64, where the signature covers it in place of the content. */
  readonly digestBase64: string | undefined;
  readonly mediaType: PackMediaType;
  readonly nonce: number;
  readonly createdUs: number;
  readonly receivedUs: number;
}

export interface Envelope extends EnvelopeHead {
  /** r and s, 64 bytes. */
  readonly signature: Uint8Array;
  /** The bytes that were signed. */
  readonly signed: Uint8Array;
  readonly content: Uint8Array;
}

/** A metric as the pack names it first. */
export interface PackMetric {
  readonly name: string;
  readonly unit: string | null;
}

export type Verification =
  | {
      readonly kind: 'verified';
      /** An encoded AdmittedPack. */
      readonly pack: string;
      readonly readings: number;
      readonly metrics: readonly PackMetric[];
    }
  | { readonly kind: 'refused'; readonly code: ProblemCode; readonly extras: ProblemExtras };

/**
 * Envelopes in columns, an element for each, because property names would cross to the thread again with every object. The
 * bytes lie one after the other in one buffer, which is handed over without a copy: signature, signed bytes and content of
 * each envelope.
 */
export type VerifyBatch = { readonly [Column in keyof EnvelopeHead]: EnvelopeHead[Column][] } & {
  readonly bytes: Uint8Array;
  /** Three for each envelope. */
  readonly lengths: readonly number[];
};
