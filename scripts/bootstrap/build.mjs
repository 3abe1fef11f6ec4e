import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';
import { runCommand } from './run-command.mjs';

const SOURCES = [
  'core',
  'contracts',
  'platform',
  'services',
  'cli',
  'clients',
  'firmware-sim',
  'scripts',
  'sql',
  'tests',
];
const CONFIGURATION = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const COPIED = /\.(lua|sql|json|mjs)$/;

function listFiles(root, folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(root, path) : [path];
  });
}

function describeSources(root) {
  const files = [...SOURCES.flatMap((folder) => listFiles(root, folder)), ...CONFIGURATION];
  return Object.fromEntries(
    files.map((file) => {
      const { mtimeMs, size } = statSync(join(root, file));
      return [file, `${mtimeMs}:${size}`];
    }),
  );
}

function readDescription(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}

/** Compiles into dist/ and copies what the compiler leaves out; does nothing when no source has changed since. */
export async function build(root) {
  const dist = join(root, 'dist');
  const descriptionPath = join(dist, '.telltale-build');
  const built = readDescription(descriptionPath);
  const sources = describeSources(root);
  if (JSON.stringify(built) === JSON.stringify(sources)) return;
  // The compiler does not delete the output of a source that is gone.
  if (Object.keys(built).some((file) => !(file in sources))) rmSync(dist, { recursive: true, force: true });
  console.error('Building...');
  rmSync(descriptionPath, { force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const code = await runCommand(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root });
  if (code !== 0) throw new BootstrapFailure('The build failed: see the messages of the compiler above.');
  for (const file of Object.keys(sources).filter((name) => COPIED.test(name))) {
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    cpSync(join(root, file), join(dist, file));
  }
  writeFileSync(descriptionPath, JSON.stringify(sources));
}
