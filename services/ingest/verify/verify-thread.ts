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
export default function verifyBatch({ claims, contents, contentLengths }: VerifyBatch): Verification[] {
  let start = 0;
  return claims.map((claim, index) => {
    const end = start + (contentLengths[index] ?? 0);
    const content = contents.subarray(start, end);
    start = end;
    return verifyEnvelope({ ...claim, content }, verifier, options);
  });
}
