import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './bootstrap/build.mjs';
import { BootstrapFailure } from './bootstrap/failure.mjs';
import { installModules } from './bootstrap/install-modules.mjs';
import { explainUnsupportedNode, readGlibcVersion } from './bootstrap/node-version.mjs';
import { runScript } from './bootstrap/run-script.mjs';
import { requireSystemPackages, systemPackages } from './bootstrap/system-packages.mjs';

const { redis, postgis, mosquitto, mosquittoClients, compiler, mbedtls, chromium, prometheus } = systemPackages;

/** What each command needs; `script` is relative to the compiled tree, or to the source tree without `built`. */
const COMMANDS = {
  build: { built: true, packages: [] },
  start: { built: true, script: 'scripts/start.js', packages: process.env.REDIS_URL === undefined ? [redis] : [] },
  sim: { built: true, script: 'scripts/sim.js', packages: [] },
  bench: {
    built: true,
    script: 'scripts/bench.js',
    packages: [
      redis,
      ...(process.argv.includes('mqtt') ? [mosquitto] : []),
      ...(process.argv.some((bench) => ['persist', 'alert-latency', 'detection-live'].includes(bench))
        ? [postgis]
        : []),
    ],
  },
  stress: { built: true, script: 'tests/load/stress.js', packages: [redis] },
  chaos: { built: true, script: 'tests/chaos/chaos.js', packages: [redis, postgis, mosquitto, compiler] },
  soak: { built: true, script: 'tests/soak/soak.js', packages: [redis, postgis, mosquitto] },
  fuzz: { built: true, script: 'tests/fuzz/fuzz.js', packages: [] },
  test: {
    built: true,
    script: 'scripts/test.js',
    packages: [redis, postgis, mosquitto, mosquittoClients, compiler, mbedtls, chromium, prometheus],
  },
  check: { built: false, script: 'scripts/check.ts', packages: [postgis] },
  'schema:dump': { built: false, script: 'scripts/schema-dump.ts', packages: [postgis] },
  migrate: { built: true, script: 'scripts/migrate.js', packages: [] },
  backtest: { built: true, script: 'scripts/backtest.js', packages: [] },
  admin: { built: true, script: 'scripts/admin.js', packages: [] },
  dlq: { built: true, script: 'scripts/dlq.js', packages: [] },
  token: { built: true, script: 'scripts/token.js', packages: [] },
  'docs:transcript': { built: true, script: 'scripts/transcript.js', packages: [redis] },
  'docs:asyncapi': { built: true, script: 'scripts/asyncapi.js', packages: [] },
  dashboards: { built: true, script: 'scripts/dashboards.js', packages: [] },
  'docs:configuration': { built: true, script: 'scripts/configuration-table.js', packages: [] },
  'docs:metrics': { built: true, script: 'scripts/metrics-page.js', packages: [] },
};

async function runCommandLine([name, ...args]) {
  const command = COMMANDS[name];
  if (command === undefined) throw new BootstrapFailure(`Unknown command. One of: ${Object.keys(COMMANDS).join(', ')}`);
  const unsupported = explainUnsupportedNode(process.versions.node, readGlibcVersion());
  if (unsupported !== undefined) throw new BootstrapFailure(unsupported);
  const root = fileURLToPath(new URL('..', import.meta.url));
  process.chdir(root);
  await requireSystemPackages(command.packages);
  await installModules(root);
  if (command.built) await build(root);
  if (command.script === undefined) return 0;
  const script = command.built ? [join('dist', command.script)] : ['--import', 'tsx', command.script];
  if (!existsSync(script.at(-1))) throw new BootstrapFailure(`${script.at(-1)} is missing.`);
  return runScript(['--enable-source-maps', ...script, ...args], { cwd: root });
}

try {
  process.exitCode = await runCommandLine(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BootstrapFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
