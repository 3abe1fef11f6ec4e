import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startPglite } from '../../../scripts/dev-stack/start-pglite.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import type { Guard } from '../../../scripts/process/guard.ts';
import type { ChaosDatabase } from './chaos-database.ts';

/** The database of `npm start`. */
export async function prepareEmbeddedServer(folder: string, guard: Guard): Promise<ChaosDatabase> {
  const port = await findFreePort();
  await mkdir(folder, { recursive: true });
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    start: async () => {
      const options = { port, folder: join(folder, 'pglite'), logPath: join(folder, `pglite-${Date.now()}.log`) };
      return (await startPglite(options, guard)).process;
    },
    createDatabase: () => Promise.resolve(),
    disk: undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
