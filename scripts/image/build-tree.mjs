import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BootstrapFailure } from '../bootstrap/failure.mjs';
import { runCommand } from '../bootstrap/run-command.mjs';
import { pruneModules } from './prune-modules.mjs';
import { findReachable } from './reachable-files.mjs';

/** What somebody starts in a container; of the others those that this build has. */
const SERVICES = ['ingest', 'worker', 'broadcaster'].map((name) => `services/${name}/main.js`);
const TOOLS = [
  'cli/main.js',
  'firmware-sim/main.js',
  'scripts/admin.js',
  'scripts/backtest.js',
  'scripts/broker-logins.js',
  'scripts/dlq.js',
  'scripts/init.js',
  'scripts/migrate.js',
  'scripts/token.js',
];
/** Beside the programs: the demo's rules, and what the licence asks for. */
const OTHER_FILES = ['deploy/demo/rules.json', 'LICENSE'];
const INSTALL = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];

function copy(root, tree, file) {
  mkdirSync(join(tree, dirname(file)), { recursive: true });
  cpSync(join(root, file), join(tree, file), { recursive: true });
}

/** A package that is only there for development would be missing in the image, and somebody would find out in production. */
function requireProductionDependencies(packages, { dependencies }) {
  for (const [name, file] of packages) {
    if (name in dependencies) continue;
    throw new BootstrapFailure(`${file} imports ${name}, which is no dependency of production: see package.json.`);
  }
}

async function installModules(root, tree) {
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) copy(root, tree, file);
  const code = await runCommand('npm', INSTALL, { cwd: tree });
  if (code !== 0) throw new BootstrapFailure('npm ci failed: see its messages above.');
  for (const file of ['package-lock.json', '.npmrc']) rmSync(join(tree, file));
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Writes into an empty folder what production runs, and nothing else: compiled programs, migrations, packages. */
async function buildTree(root, tree) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const dist = join(root, 'dist');
  mkdirSync(tree, { recursive: true });
  if (readdirSync(tree).length > 0) throw new BootstrapFailure(`${tree} is not empty.`);
  const programs = [...SERVICES, ...TOOLS.filter((program) => existsSync(join(dist, program)))];
  const { files, packages } = findReachable(dist, programs);
  requireProductionDependencies(packages, manifest);

  await installModules(root, tree);
  pruneModules(join(tree, 'node_modules'));
  for (const file of [...files.map((name) => join('dist', name)), 'dist/sql', ...OTHER_FILES]) copy(root, tree, file);
  const { name, version, license, type, engines } = manifest;
  writeFileSync(join(tree, 'package.json'), `${JSON.stringify({ name, version, license, type, engines }, null, 2)}\n`);
  return {
    programs,
    dist_bytes: sizeOf(join(tree, 'dist')),
    modules_bytes: sizeOf(join(tree, 'node_modules')),
    total_bytes: sizeOf(tree),
  };
}

try {
  const [tree] = process.argv.slice(2);
  if (tree === undefined) throw new BootstrapFailure('Usage: node scripts/image/build-tree.mjs <empty folder>');
  const root = fileURLToPath(new URL('../..', import.meta.url));
  console.log(JSON.stringify(await buildTree(root, resolve(tree))));
} catch (error) {
  if (!(error instanceof BootstrapFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
