import { workerData } from 'piscina';
import { z } from 'zod';
import { createVerifier } from '../../../platform/crypto/create-verifier.ts';
import type { Verification, VerifyBatch } from './envelope.ts';
import { verifyEnvelope } from './verify-envelope.ts';

export const verifyThreadOptionsSchema = z.object({
  verifier: z.enum(['node', 'noble']),
  maxCachedKeys: z.number(),
  maxReadingAgeUs: z.number(),
  maxReadingAheadUs: z.number(),
});

const options = verifyThreadOptionsSchema.parse(workerData);
const verifier = createVerifier(options.verifier, options.maxCachedKeys);

/** The one task of the pool. A bad envelope is an answer, never an exception. */
export default function verifyBatch({ heads, bytes, lengths }: VerifyBatch): Verification[] {
  let at = 0;
  const next = (part: number): Uint8Array => {
    const start = at;
    at += lengths[part] ?? 0;
    return bytes.subarray(start, at);
  };
  return heads.map((head, index) => {
    const [signature, signed, content] = [next(3 * index), next(3 * index + 1), next(3 * index + 2)];
    return verifyEnvelope({ ...head, signature, signed, content }, verifier, options);
  });
}
