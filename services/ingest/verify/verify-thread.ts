import { workerData } from 'piscina';
import { z } from 'zod';
import { SENML_JSON } from '../../../contracts/envelope-claim.ts';
import { createVerifier } from '../../../platform/crypto/create-verifier.ts';
import type { VerifyBatch } from './envelope.ts';
import { toColumns, type VerifiedBatch } from './verified-batch.ts';
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
export default function verifyBatch(batch: VerifyBatch): VerifiedBatch {
  const { bytes, lengths } = batch;
  let at = 0;
  const next = (part: number): Uint8Array => {
    const start = at;
    at += lengths[part] ?? 0;
    return bytes.subarray(start, at);
  };
  const verifications = batch.deviceId.map((deviceId, index) =>
    verifyEnvelope(
      {
        deviceId,
        key: batch.key[index] ?? '',
        publicKey: batch.publicKey[index] ?? '',
        digestBase64: batch.digestBase64[index],
        mediaType: batch.mediaType[index] ?? SENML_JSON,
        nonce: batch.nonce[index] ?? 0,
        createdUs: batch.createdUs[index] ?? 0,
        receivedUs: batch.receivedUs[index] ?? 0,
        signature: next(3 * index),
        signed: next(3 * index + 1),
        content: next(3 * index + 2),
      },
      verifier,
      options,
    ),
  );
  return toColumns(verifications);
}
