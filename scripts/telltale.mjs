#!/usr/bin/env node
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from './bootstrap/build.mjs';
import { BootstrapFailure } from './bootstrap/failure.mjs';
import { installModules } from './bootstrap/install-modules.mjs';
import { explainUnsupportedNode, readGlibcVersion } from './bootstrap/node-version.mjs';

/** The command line from a clone: installs and builds what is missing, says nothing where nothing is, and stays in the folder where it was called. */
const root = fileURLToPath(new URL('..', import.meta.url));
try {
  const unsupported = explainUnsupportedNode(process.versions.node, readGlibcVersion());
  if (unsupported !== undefined) throw new BootstrapFailure(unsupported);
  await installModules(root);
  await build(root);
} catch (error) {
  if (!(error instanceof BootstrapFailure)) throw error;
  console.error(error.message);
  process.exit(1);
}
process.env.TELLTALE_DEV_DIR ||= join(root, '.telltale');
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(root, 'dist', 'cli', 'main.js')).href);
