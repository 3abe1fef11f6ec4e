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
  }),
);

export const rfcVector = load(
  'rfc9421-b24.json',
  z.object({ publicKeySpkiBase64: z.string(), signatureBase: z.string(), signature: z.string() }),
);
