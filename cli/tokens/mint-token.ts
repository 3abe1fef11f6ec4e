import { resolve } from 'node:path';
import { SignJWT } from 'jose';
import { openSigningKeys } from './signing-keys.ts';
import type { TokenOptions } from './token-options.ts';

/** Mints a token for subscribers. The token alone is on standard output. */
export async function mintToken(options: TokenOptions): Promise<void> {
  const { ttl, account, audience, issuer, dir, newKey, json } = options;
  const { privateKey, keyId, jwksPath } = await openSigningKeys(resolve(dir), newKey);
  const nowS = Math.floor(Date.now() / 1000);
  const jwt = new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: keyId, typ: 'JWT' })
    .setSubject(account)
    .setAudience(audience)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ttl);
  if (issuer !== undefined) jwt.setIssuer(issuer);
  const token = await jwt.sign(privateKey);
  const expiresAt = new Date((nowS + ttl) * 1000).toISOString();
  if (json) {
    const minted = { token, account, audience, key_id: keyId, expires_at: expiresAt, jwks_path: jwksPath };
    process.stdout.write(`${JSON.stringify(minted)}\n`);
    return;
  }
  process.stderr.write(
    `for ${account}, until ${expiresAt}; the broadcaster needs TELLTALE_BROADCASTER_JWKS_PATH=${jwksPath}\n`,
  );
  process.stdout.write(`${token}\n`);
}
