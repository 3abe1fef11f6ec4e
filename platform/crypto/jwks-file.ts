import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';

const jwksSchema = z.object({
  keys: z
    .array(
      z.looseObject({
        kty: z.literal('EC'),
        crv: z.literal('P-256'),
        kid: z.string().min(1),
        x: z.string(),
        y: z.string(),
      }),
    )
    .min(1),
});

/** Public P-256 keys with a kid each (RFC 7517). Throws for every other file. */
export function readJwksFile(path: string): JSONWebKeySet {
  const parsed = jwksSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  }
  const jwks = parsed.data;
  const kids = new Set(jwks.keys.map(({ kid }) => kid));
  if (kids.size < jwks.keys.length) throw new Error('two keys have one kid');
  for (const { d, kid, ...key } of jwks.keys) {
    if (d !== undefined) throw new Error(`${kid} is a private key, which nobody but its owner may have`);
    // Throws for a point that is not on the curve.
    createPublicKey({ key, format: 'jwk' });
  }
  return jwks;
}
