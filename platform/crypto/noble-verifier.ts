import { p256 } from '@noble/curves/nist.js';
import { SIGNATURE_BYTES, type SignatureVerifier } from './signature-verifier.ts';

/** The reference: slow, audited, without native code. The native verifier is tested against it. */
export class NobleVerifier implements SignatureVerifier {
  verify(publicKey: string, message: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== SIGNATURE_BYTES) return false;
    try {
      // lowS would refuse about half of all valid signatures: mbedTLS and OpenSSL do not normalise S.
      return p256.verify(signature, message, Buffer.from(publicKey, 'base64url'), {
        lowS: false,
        format: 'compact',
        prehash: true,
      });
    } catch {
      return false;
    }
  }
}
