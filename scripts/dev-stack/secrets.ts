import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A secret of this installation: made once, kept in a file that only its owner reads. */
export async function loadSecret(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  if (kept !== undefined && kept.trim() !== '') return kept.trim();
  const secret = randomBytes(24).toString('base64url');
  await writeFile(path, secret, { mode: 0o600 });
  return secret;
}
