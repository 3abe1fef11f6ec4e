import { readFileSync } from 'node:fs';
import { z } from 'zod';

function load<T>(name: string, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8')));
}

export const envelopeVector = load(
  'envelope.json',
  z.object({
    privateScalarHex: z.string(),
    publicKeyJwk: z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() }),
    publicKeySpkiBase64: z.string(),
    http: z.object({
      contentType: z.string(),
      body: z.string(),
      contentDigest: z.string(),
      signatureInput: z.string(),
      signature: z.string(),
      signatureBase: z.string(),
      alsoValidMalleable: z.string(),
    }),
    jws: z.object({ compact: z.string() }),
  }),
);

export const rfcVector = load(
  'rfc9421-b24.json',
  z.object({ publicKeySpkiBase64: z.string(), signatureBase: z.string(), signature: z.string() }),
);

/** Key, header and content are those of envelope.json. */
export const coseVector = load(
  'cose-sign1.json',
  z.object({
    protectedHex: z.string(),
    contentHex: z.string(),
    sigStructureHex: z.string(),
    signatureHex: z.string(),
    envelopeHex: z.string(),
    alsoValidMalleableHex: z.string(),
  }),
);

/** Key is that of envelope.json. */
export const possessionVector = load(
  'possession.json',
  z.object({
    enrolment: z.object({ token: z.string(), tokenHash: z.string(), challenge: z.string(), body: z.string() }),
    key: z.object({ challenge: z.string(), created: z.int(), nonce: z.string(), body: z.string() }),
  }),
);
