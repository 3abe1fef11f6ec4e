import type { DeviceId } from '../../../core/identity/ids.ts';
import type { ProblemCode, ProblemExtras } from '../../../contracts/problem.ts';

/** Everything that proving one message takes. It crosses to a verify thread, so it is plain data. */
export interface EnvelopeClaim {
  readonly deviceId: DeviceId;
  /** Thumbprint of the key that is said to have signed. */
  readonly key: string;
  /** Uncompressed SEC 1 point, base64url. */
  readonly publicKey: string;
  readonly signatureBase64: string;
  readonly signatureBase: string;
  /** SHA-256 of the content that the signature covers, base64. */
  readonly digestBase64: string;
  readonly nonce: number;
  readonly createdUs: number;
  readonly receivedUs: number;
}

export interface Envelope extends EnvelopeClaim {
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

/** The contents of a batch lie one after the other in one buffer, which is handed over without a copy. */
export interface VerifyBatch {
  readonly claims: readonly EnvelopeClaim[];
  readonly contents: Uint8Array;
  readonly contentLengths: readonly number[];
}
