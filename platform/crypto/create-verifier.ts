import { NobleVerifier } from './noble-verifier.ts';
import { NodeVerifier } from './node-verifier.ts';
import type { SignatureVerifier, VerifierName } from './signature-verifier.ts';

export function createVerifier(name: VerifierName, maxCachedKeys: number): SignatureVerifier {
  switch (name) {
    case 'node':
      return new NodeVerifier(maxCachedKeys);
    case 'noble':
      return new NobleVerifier();
  }
}
