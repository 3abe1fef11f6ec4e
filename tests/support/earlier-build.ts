import { execFile } from 'node:child_process';
import { cpSync, lstatSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

/** What is compiled: the services, and what registers devices and sends for them. */
const PROGRAMS = ['core', 'contracts', 'platform', 'services', 'clients', 'firmware-sim', 'scripts'];
const TREE = [...PROGRAMS, 'sql', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json'];
const NOT_NEEDED = ['scripts/bench', 'scripts/backtest', 'scripts/dlq', 'scripts/image', 'scripts/init'];
const BESIDE_CODE = /\.(lua|json|mjs)$/;

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), dev: z.boolean().optional() })),
});

/** The compiled programs of an earlier commit. */
export interface EarlierBuild extends AsyncDisposable {
  readonly tree: string;
}

/** False in a shallow clone, or where there is no repository. */
export async function hasCommit(commit: string): Promise<boolean> {
  return await run('git', ['cat-file', '-e', `${commit}^{commit}`]).then(
    () => true,
    () => false,
  );
}

export async function buildCommit(commit: string): Promise<EarlierBuild> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-earlier-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const archive = join(folder, 'tree.tar');
    await run('git', ['archive', '--output', archive, commit, ...TREE]);
    await run('tar', ['-xf', archive, '-C', folder]);
    await linkModules(folder);
    await compile(folder);
    return { tree: join(folder, 'dist'), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function linkModules(folder: string): Promise<void> {
  const [theirs, ours] = await Promise.all([loadPackages(folder), loadPackages('.')]);
  const needed = Object.entries(theirs).filter(([path, { dev }]) => path !== '' && dev !== true);
  if (needed.every(([path, { version }]) => ours[path]?.version === version)) {
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    return;
  }
  await run('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund'], { cwd: folder });
}

async function loadPackages(folder: string): Promise<z.infer<typeof lockSchema>['packages']> {
  return lockSchema.parse(JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'))).packages;
}

/**
 * By the compiler that builds dist/, without its checks: the commit passed them in its time. What it writes is the same,
 * in a third of the time.
 */
async function compile(folder: string): Promise<void> {
  const configuration = {
    extends: './tsconfig.json',
    compilerOptions: {
      ...{ noEmit: false, outDir: 'dist', rootDir: '.' },
      ...{ noCheck: true, noResolve: true, lib: ['ES5'], types: [] },
    },
    include: PROGRAMS,
    exclude: NOT_NEEDED,
  };
  writeFileSync(join(folder, 'tsconfig.earlier.json'), JSON.stringify(configuration));
  const compiler = resolve('node_modules/typescript/bin/tsc');
  await run(process.execPath, [compiler, '-p', 'tsconfig.earlier.json'], { cwd: folder });
  const filter = (path: string) => BESIDE_CODE.test(path) || lstatSync(path).isDirectory();
  for (const part of PROGRAMS) cpSync(join(folder, part), join(folder, 'dist', part), { recursive: true, filter });
}
