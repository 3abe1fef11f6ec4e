import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const runFileSchema = z.object({
  pid: z.int(),
  ingest_url: z.url(),
  alerts_url: z.url(),
  database_url: z.url(),
  redis_url: z.url(),
  /** The broker that ingest takes from, when there is one. */
  mqtt_url: z.url().optional(),
});

/** Where the running platform is, for `npm run sim`; holds passwords. */
export type RunFile = z.infer<typeof runFileSchema>;

const pathIn = (folder: string) => join(folder, 'run.json');

export async function writeRunFile(folder: string, run: RunFile): Promise<AsyncDisposable> {
  const path = pathIn(folder);
  await writeFile(path, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

export async function loadRunFile(folder: string): Promise<RunFile | undefined> {
  try {
    return runFileSchema.safeParse(JSON.parse(await readFile(pathIn(folder), 'utf8'))).data;
  } catch {
    return undefined;
  }
}
