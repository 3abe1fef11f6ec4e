import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';
import { runCommand } from './run-command.mjs';

/** What npm itself noted as installed holds every package that the lock file requires: somebody ran `npm install`. */
function isInstalledByHand(lockText, modules) {
  const notePath = join(modules, '.package-lock.json');
  if (!existsSync(notePath)) return false;
  const installed = JSON.parse(readFileSync(notePath, 'utf8')).packages;
  return Object.entries(JSON.parse(lockText).packages)
    .filter(([path, wanted]) => path !== '' && wanted.optional !== true)
    .every(
      ([path, wanted]) =>
        installed[path]?.version === wanted.version && installed[path]?.integrity === wanted.integrity,
    );
}

/** `npm ci`, unless node_modules was installed from this very lock file. */
export async function installModules(root) {
  const modules = join(root, 'node_modules');
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const lockHash = createHash('sha256').update(lockText).digest('hex');
  const marker = join(modules, '.telltale-lock');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === lockHash) return;
  if (!isInstalledByHand(lockText, modules)) {
    console.error('Installing npm packages (npm ci)...');
    const code = await runCommand('npm', ['ci', '--no-fund', '--no-audit', '--include=dev'], { cwd: root });
    if (code !== 0) throw new BootstrapFailure('npm ci failed: see its messages above.');
  }
  writeFileSync(marker, lockHash);
}
