import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface BenchFolder extends AsyncDisposable {
  readonly path: string;
}

/** Not in the system's folder for temporary files: that may be memory, where a sync costs nothing. */
export async function openBenchFolder(parent: string): Promise<BenchFolder> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const path = await mkdtemp(join(parent, 'bench-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
