import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import { z } from 'zod';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });

export interface SigningKeys {
  readonly privateKey: CryptoKey | Uint8Array;
  readonly keyId: string;
  /** Of the public keys, for TELLTALE_BROADCASTER_JWKS_PATH. */
  readonly jwksPath: string;
}

/** The keys of a folder: the private one for its owner alone, the public ones in a JWKS file. Makes what is missing. */
export async function openSigningKeys(folder: string, isNewKey: boolean): Promise<SigningKeys> {
  const [keyPath, jwksPath] = [join(folder, 'signing-key.json'), join(folder, 'jwks.json')];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kept = isNewKey ? undefined : await readJson(keyPath);
  const jwk = kept === undefined ? await createKey() : (kept as JWK);
  if (jwk.kid === undefined || jwk.d === undefined) {
    throw new CommandFailure(`${keyPath} is no private key of ours. Move it away, or give --new-key.`);
  }
  const published = jwksSchema.safeParse((await readJson(jwksPath)) ?? { keys: [] });
  if (!published.success) throw new CommandFailure(`${jwksPath} is no JWKS file. Move it away.`);
  const { d: _private, ...publicKey } = jwk;
  if (!published.data.keys.some(({ kid }) => kid === jwk.kid)) {
    // Whoever checks tokens knows the key before the first token is signed with it.
    await replace(jwksPath, { keys: [publicKey, ...published.data.keys] }, 0o644);
  }
  if (kept === undefined) await replace(keyPath, jwk, 0o600);
  return { privateKey: await importJWK(jwk, 'ES256'), keyId: jwk.kid, jwksPath };
}

async function createKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'ES256', use: 'sig' };
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailure(`${path} is no JSON. Move it away.`);
  }
}

async function replace(path: string, value: unknown, mode: number): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode });
  await rename(`${path}.new`, path);
}
