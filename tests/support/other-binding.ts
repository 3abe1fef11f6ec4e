import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface InstalledTree extends AsyncDisposable {
  /** Of the compiled programs. */
  readonly tree: string;
  /** The command line in it. */
  readonly program: string;
}

/** A folder with our programs and all their packages, but with this in place of uWebSockets.js. */
export async function installWithBinding(source: string): Promise<InstalledTree> {
  const folder = await mkdtemp(join(tmpdir(), 'telltale-binding-'));
  for (const part of ['cli', 'core', 'contracts', 'platform', 'services', 'clients', 'sql']) {
    await cp(join('dist', part), join(folder, 'dist', part), { recursive: true });
  }
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'uWebSockets.js'), { recursive: true });
  for (const name of await readdir('node_modules')) {
    if (name !== 'uWebSockets.js') await symlink(resolve('node_modules', name), join(modules, name));
  }
  await writeFile(join(modules, 'uWebSockets.js', 'package.json'), '{"name": "uWebSockets.js", "main": "index.js"}');
  await writeFile(join(modules, 'uWebSockets.js', 'index.js'), source);
  return {
    tree: join(folder, 'dist'),
    program: join(folder, 'dist/cli/main.js'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
