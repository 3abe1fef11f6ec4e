import { resolve } from 'node:path';
import { SignJWT } from 'jose';
import { runMain } from './process/failure.ts';
import { openSigningKeys } from './token/signing-keys.ts';
import { parseTokenOptions } from './token/token-options.ts';

/** Mints a token for subscribers. The token alone is on stdout. */
await runMain(async () => {
  const { ttl, account, audience, issuer, dir, newKey, json } = parseTokenOptions(process.argv);
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
    console.log(
      JSON.stringify({ token, account, audience, key_id: keyId, expires_at: expiresAt, jwks_path: jwksPath }),
    );
    return 0;
  }
  console.error(`for ${account}, until ${expiresAt}; the broadcaster needs TELLTALE_BROADCASTER_JWKS_PATH=${jwksPath}`);
  console.log(token);
  return 0;
});
