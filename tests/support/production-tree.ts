import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { plainEnvironment } from '../../scripts/dev-stack/environment.ts';
import { findUnprivilegedUser, type UserIds } from '../../scripts/postgres/unprivileged-user.ts';
import {
  runProcess,
  startProcess,
  type ProcessSpec,
  type RunningProcess,
} from '../../scripts/process/running-process.ts';
import { endWithTests } from './end-with-tests.ts';
import type { ServiceSettings } from './process.ts';

const run = promisify(execFile);

const reportSchema = z.object({
  programs: z.array(z.string()),
  dist_bytes: z.int(),
  modules_bytes: z.int(),
  total_bytes: z.int(),
});

/** What the image has in /app, made by the script that the image is made with. Nobody may write into it. */
export class ProductionTree {
  readonly folder: string;
  readonly report: z.infer<typeof reportSchema>;
  /** Who its programs run as; undefined for the user of the tests, who is not root. */
  readonly user: UserIds | undefined = findUnprivilegedUser();
  readonly #parent: string;

  constructor(parent: string, folder: string, report: z.infer<typeof reportSchema>) {
    this.#parent = parent;
    this.folder = folder;
    this.report = report;
  }

  /** As in a container: started in the tree, with nothing of ours in its environment. A service writes no file at all. */
  async startService(program: string, settings: ServiceSettings): Promise<RunningProcess> {
    const command = ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, `dist/${program}`];
    const running = await startProcess({ ...this.#spec(program, settings), command: 'sh', args: command });
    endWithTests(running);
    return running;
  }

  /** To its end, which must be a success; answers what it wrote. */
  async runTool(program: string, args: readonly string[], settings: ServiceSettings = {}): Promise<string> {
    const spec = { command: process.execPath, args: [`dist/${program}`, ...args] };
    const running = await runProcess({ ...this.#spec(program, settings), ...spec });
    return running.lastLines(Infinity).join('\n');
  }

  #spec(name: string, settings: ServiceSettings): Pick<ProcessSpec, 'name' | 'cwd' | 'env' | 'uid' | 'gid'> {
    const env = { ...plainEnvironment(process.env), NODE_ENV: 'production', ...settings };
    return { name, cwd: this.folder, env, ...this.user };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('chmod', ['-R', 'u+w', this.folder]);
    await rm(this.#parent, { recursive: true, force: true });
  }
}

export async function buildProductionTree(): Promise<ProductionTree> {
  const parent = await mkdtemp(join(tmpdir(), 'telltale-image-'));
  const folder = join(parent, 'app');
  const { stdout } = await run(process.execPath, ['scripts/image/build-tree.mjs', folder]);
  const tree = new ProductionTree(parent, folder, reportSchema.parse(JSON.parse(stdout)));
  await chmod(parent, 0o755);
  await run('chmod', ['-R', 'a-w', folder]);
  return tree;
}
