import type { Pack } from '../pack.ts';

/** A pack with its proof, ready to be sent, any number of times. */
export interface Envelope {
  readonly nonce: number;
  /** Unix seconds. */
  readonly createdS: number;
  /** Of an HTTP request, the API key included. */
  readonly headers: Readonly<Record<string, string>>;
  /** Content of the request; of a self-contained envelope also the payload of an MQTT message. */
  readonly content: Uint8Array;
}

/** Proves packs as one device; one implementation for each encoding of an envelope. */
export interface PackSigner {
  sign(pack: Pack, createdS: number, nonce: number): Envelope;
  /** Proves bytes that need not be a pack. */
  signContent(content: Uint8Array, createdS: number, nonce: number): Envelope;
}
