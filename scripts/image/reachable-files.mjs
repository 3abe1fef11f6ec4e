import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize, sep } from 'node:path';
import { BootstrapFailure } from '../bootstrap/failure.mjs';

/** As the compiler writes them: static imports, re-exports and `import()`. */
const IMPORTS = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
];
/** Lua scripts that lie beside a module, and threads that it starts. */
const SCRIPT_NAME = /['"]([\w./-]+\.lua)['"]/g;
const THREAD_NAME = /new URL\(`([\w./-]+)\$\{extname\(import\.meta\.(?:url|filename)\)\}`/g;

function matches(text, pattern) {
  return [...text.matchAll(pattern)].map(([, name]) => name);
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/**
 * All files of the compiled tree that these programs can load, and the packages that those import, each with a file that
 * does so. Paths are relative to the tree.
 */
export function findReachable(dist, programs) {
  const files = new Set();
  const packages = new Map();
  const waiting = [...programs];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    if (!existsSync(join(dist, file))) throw new BootstrapFailure(`${file} is missing in ${dist}: build first.`);
    files.add(file);
    if (!/\.m?js$/.test(file)) continue;
    const text = readFileSync(join(dist, file), 'utf8');
    const beside = [...matches(text, SCRIPT_NAME), ...matches(text, THREAD_NAME).map((name) => `${name}.js`)];
    for (const specifier of IMPORTS.flatMap((pattern) => matches(text, pattern))) {
      if (specifier.startsWith('.')) beside.push(specifier);
      else if (!isBuiltin(specifier)) packages.set(packageOf(specifier), file);
    }
    waiting.push(
      ...beside.map((name) =>
        normalize(join(dirname(file), name))
          .split(sep)
          .join('/'),
      ),
    );
  }
  return { files: [...files].sort(), packages };
}
