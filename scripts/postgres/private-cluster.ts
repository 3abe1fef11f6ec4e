import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findFreePort } from '../process/free-port.ts';
import type { Guard } from '../process/guard.ts';
import { runProcess, startProcess, type RunningProcess } from '../process/running-process.ts';
import { waitUntilReady } from '../process/wait-until-ready.ts';
import type { PostgresInstallation } from './find-postgres.ts';
import { findUnprivilegedUser } from './unprivileged-user.ts';

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

/** Nothing in it outlives the run: a crash of the machine may lose it, so it need not wait for the disk. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  shared_buffers: '128MB',
  timezone: 'UTC',
  jit: 'off',
};

export class PrivateCluster {
  readonly installation: PostgresInstallation;
  readonly #server: RunningProcess;
  readonly #folder: string;
  readonly #baseUrl: string;

  constructor(installation: PostgresInstallation, server: RunningProcess, folder: string, baseUrl: string) {
    this.installation = installation;
    this.#server = server;
    this.#folder = folder;
    this.#baseUrl = baseUrl;
  }

  url(database: string): string {
    return `${this.#baseUrl}/${database}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
    await this.#server.stop(STOP_DEADLINE_MS, 'SIGINT');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.end();
  return true;
}

/** A PostgreSQL of our own: free port on loopback, temporary folder, removed when disposed of. */
export async function openPrivateCluster(installation: PostgresInstallation, guard: Guard): Promise<PrivateCluster> {
  const user = findUnprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'telltale-postgres-'));
  try {
    const password = randomBytes(18).toString('base64url');
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (user !== undefined) for (const path of [folder, passwordFile]) await chown(path, user.uid, user.gid);
    const data = join(folder, 'data');
    const common = { cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' }, ...user };
    await runProcess(
      {
        ...common,
        name: 'initdb',
        command: join(installation.bin, 'initdb'),
        args: [
          '-D',
          data,
          '-U',
          'postgres',
          '-A',
          'scram-sha-256',
          '--pwfile',
          passwordFile,
          '-E',
          'UTF8',
          '--no-locale',
          '--no-sync',
        ],
      },
      guard,
    );
    const port = await findFreePort();
    const settings = Object.entries({ ...SETTINGS, unix_socket_directories: folder });
    const server = await startProcess(
      {
        ...common,
        name: 'postgres',
        command: join(installation.bin, 'postgres'),
        args: ['-D', data, '-p', String(port), ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      },
      guard,
    );
    const cluster = new PrivateCluster(
      installation,
      server,
      folder,
      `postgres://postgres:${password}@127.0.0.1:${port}`,
    );
    await waitUntilReady(server, () => canConnect(cluster.url('postgres')), READY_DEADLINE_MS);
    return cluster;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
