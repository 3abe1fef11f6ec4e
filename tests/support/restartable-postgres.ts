import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { plainEnvironment } from '../../scripts/dev-stack/environment.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { choosePostgres } from '../../scripts/postgres/find-postgres.ts';
import { canConnect } from '../../scripts/postgres/private-cluster.ts';
import { findUnprivilegedUser } from '../../scripts/postgres/unprivileged-user.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { runProcess, startProcess, type RunningProcess } from '../../scripts/process/running-process.ts';
import { waitUntilReady } from '../../scripts/process/wait-until-ready.ts';
import { endWithTests } from './end-with-tests.ts';

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;
const DATABASE = 'telltale';

/** A PostgreSQL that one test has to itself, and may stop: the same port and the same data when it starts again. */
export class RestartablePostgres {
  readonly url: string;
  readonly #folder: string;
  readonly #start: () => Promise<RunningProcess>;
  #process: RunningProcess;

  constructor(url: string, folder: string, first: RunningProcess, start: () => Promise<RunningProcess>) {
    this.url = url;
    this.#folder = folder;
    this.#process = first;
    this.#start = start;
  }

  /** SIGINT: connections are cut, transactions that have not committed are lost. */
  async stop(): Promise<void> {
    await this.#process.stop(STOP_DEADLINE_MS, 'SIGINT');
  }

  async restart(): Promise<void> {
    this.#process = await this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Started, with all migrations applied. Commits are durable: only a server that loses none can be asked for all. */
export async function startPostgres(): Promise<RestartablePostgres> {
  const { bin } = choosePostgres();
  const user = findUnprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'telltale-postgres-'));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const common = { cwd: folder, env: { ...plainEnvironment(process.env), LC_ALL: 'C.UTF-8' }, ...user };
  await runProcess({
    ...common,
    name: 'initdb',
    command: join(bin, 'initdb'),
    args: ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
  });
  const port = await findFreePort();
  const server = `postgres://postgres@127.0.0.1:${port}`;
  const start = async (): Promise<RunningProcess> => {
    const running = await startProcess({
      ...common,
      name: 'postgres',
      command: join(bin, 'postgres'),
      args: ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder],
    });
    endWithTests(running);
    await waitUntilReady(running, () => canConnect(`${server}/postgres`), READY_DEADLINE_MS);
    return running;
  };
  const running = await start();
  const admin = new pg.Client({ connectionString: `${server}/postgres` });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${DATABASE}`);
  await admin.end();
  await migrate(`${server}/${DATABASE}`, () => undefined);
  return new RestartablePostgres(`${server}/${DATABASE}`, folder, running, start);
}
