import { execFileSync } from 'node:child_process';
import { chown, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { plainEnvironment } from '../../../scripts/dev-stack/environment.ts';
import { choosePostgres } from '../../../scripts/postgres/find-postgres.ts';
import { canConnect } from '../../../scripts/postgres/private-cluster.ts';
import { findUnprivilegedUser } from '../../../scripts/postgres/unprivileged-user.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import type { Guard } from '../../../scripts/process/guard.ts';
import { runProcess, startProcess, type RunningProcess } from '../../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../../scripts/process/wait-until-ready.ts';
import type { ChaosDatabase, ChaosDisk } from './chaos-database.ts';

const READY_DEADLINE_MS = 30_000;
const DATABASE = 'telltale';
/** A disk that is small enough to be filled. */
const DISK_MB = 600;
const FILLER = 'filler';
const CHUNK = Buffer.alloc(1 << 20);

/** A PostgreSQL whose commits are durable: only a server that loses none can be asked for all. */
export class PostgresServer implements ChaosDatabase {
  readonly url: string;
  readonly #folder: string;
  readonly #mounted: boolean;
  readonly start: () => Promise<RunningProcess>;

  private constructor(url: string, folder: string, mounted: boolean, start: () => Promise<RunningProcess>) {
    this.url = url;
    this.#folder = folder;
    this.#mounted = mounted;
    this.start = start;
  }

  /** Not started. On a small disk of its own where one can be mounted. */
  static async prepare(guard: Guard): Promise<PostgresServer> {
    const { bin } = choosePostgres();
    const user = findUnprivilegedUser();
    // Where the user that it runs as may go.
    const folder = await mkdtemp(join(tmpdir(), 'telltale-chaos-'));
    const mounted = mountDisk(folder);
    if (user !== undefined) await chown(folder, user.uid, user.gid);
    const data = join(folder, 'data');
    const common = { cwd: folder, env: { ...plainEnvironment(process.env), LC_ALL: 'C.UTF-8' }, ...user };
    try {
      await runProcess(
        {
          ...common,
          name: 'initdb',
          command: join(bin, 'initdb'),
          args: ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
        },
        guard,
      );
    } catch (error) {
      await clearFolder(folder, mounted);
      throw error;
    }
    const port = await findFreePort();
    const server = `postgres://postgres@127.0.0.1:${port}`;
    const settings = [
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${folder}`,
      'max_wal_size=128MB',
      'jit=off',
    ];
    const start = async (): Promise<RunningProcess> => {
      const running = await startProcess(
        {
          ...common,
          name: 'postgres',
          command: join(bin, 'postgres'),
          args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
        },
        guard,
      );
      await waitUntilReady(running, () => canConnect(`${server}/postgres`), READY_DEADLINE_MS);
      return running;
    };
    return new PostgresServer(`${server}/${DATABASE}`, folder, mounted, start);
  }

  async createDatabase(): Promise<void> {
    const url = new URL(this.url);
    url.pathname = '/postgres';
    const admin = new pg.Client({ connectionString: url.href });
    await admin.connect();
    await admin.query(`CREATE DATABASE ${DATABASE}`);
    await admin.end();
  }

  get disk(): ChaosDisk | undefined {
    if (!this.#mounted) return undefined;
    return { fill: () => this.#fillDisk(), isFelt: () => this.#refusesToGrow(), free: () => this.#freeDisk() };
  }

  async #fillDisk(): Promise<void> {
    const path = join(this.#folder, FILLER);
    for (;;) {
      const { bavail, bsize } = await statfs(this.#folder);
      if (bavail === 0) return;
      await writeFile(path, CHUNK.subarray(0, Math.min(CHUNK.length, bavail * bsize)), { flag: 'a' });
    }
  }

  async #refusesToGrow(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('BEGIN; CREATE TABLE filler AS SELECT generate_series(1, 200000); ROLLBACK');
      return false;
    } catch {
      return true;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #freeDisk(): Promise<void> {
    await rm(join(this.#folder, FILLER), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await clearFolder(this.#folder, this.#mounted);
  }
}

async function clearFolder(folder: string, mounted: boolean): Promise<void> {
  if (mounted) execFileSync('umount', ['--lazy', folder]);
  await rm(folder, { recursive: true, force: true });
}

/** Answers whether it could: only root may, and not everywhere. */
function mountDisk(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m,mode=755`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
