import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapFailure } from '../bootstrap/failure.mjs';

/** Declarations, sources and maps: Node runs no TypeScript below node_modules. */
const NOT_RUN = /\.(?:[cm]?ts|map)$/;
/** Of uWebSockets.js, beside its licence, its entry and one binary. */
const KEPT_OF_UWS = ['ESM_wrapper.mjs', 'LICENSE', 'package.json', 'uws.js'];

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The package brings a binary of 2 to 10 MB for each platform and each version of Node: this one's stays. */
function pruneUws(folder) {
  const { platform, arch, versions } = process;
  const binary = `uws_${platform}_${arch}_${versions.modules}.node`;
  const names = readdirSync(folder);
  if (!names.includes(binary)) {
    throw new BootstrapFailure(`uWebSockets.js has no ${binary}: it does not run on Node ${versions.node} here.`);
  }
  for (const name of names) {
    if (name !== binary && !KEPT_OF_UWS.includes(name)) rmSync(join(folder, name), { recursive: true });
  }
}

/** Takes out of node_modules what this Node on this platform never loads. */
export function pruneModules(modules) {
  pruneUws(join(modules, 'uWebSockets.js'));
  rmSync(join(modules, '.bin'), { recursive: true, force: true });
  rmSync(join(modules, '.package-lock.json'), { force: true });
  for (const file of listFiles(modules)) if (NOT_RUN.test(file)) rmSync(file);
}
