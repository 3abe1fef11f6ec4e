import type { Pack } from '../pack.ts';

/** A pack with its proof, ready to be sent, any number of times. */
export interface Envelope {
  readonly nonce: number;
  /** Unix seconds. */
  readonly createdS: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Uint8Array;
}

/** Proves packs as one device; one implementation for each encoding of an envelope. */
export interface PackSigner {
  sign(pack: Pack, createdS: number, nonce: number): Envelope;
}
