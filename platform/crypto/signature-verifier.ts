/** Verifies ECDSA P-256 with SHA-256. Never throws for a bad key or signature: that is an answer. */
export interface SignatureVerifier {
  /**
   * @param publicKey uncompressed SEC 1 point, base64url (65 bytes)
   * @param message what was signed, before hashing
   * @param signature r || s, 64 bytes; high S is as valid as low S, because devices do not normalise
   */
  verify(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean;
}

export type VerifierName = 'node' | 'noble';

export const SIGNATURE_BYTES = 64;
