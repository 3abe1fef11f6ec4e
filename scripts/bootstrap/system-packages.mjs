import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { BootstrapFailure } from './failure.mjs';
import { runCommand } from './run-command.mjs';

const DAEMON_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];

function hasProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...DAEMON_FOLDERS];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, name)));
}

function hasPostgis() {
  const home = '/usr/lib/postgresql';
  if (!existsSync(home)) return false;
  return readdirSync(home).some(
    (version) =>
      Number.parseInt(version, 10) >= 15 &&
      existsSync(join(home, version, 'bin', 'initdb')) &&
      existsSync(join('/usr/share/postgresql', version, 'extension', 'postgis.control')),
  );
}

export const systemPackages = {
  redis: { title: 'Redis', debian: 'redis-server', isPresent: () => hasProgram('redis-server') },
  postgis: { title: 'PostgreSQL 15+ with PostGIS 3', debian: 'postgresql-postgis', isPresent: hasPostgis },
  mosquitto: { title: 'Mosquitto', debian: 'mosquitto', isPresent: () => hasProgram('mosquitto') },
  mosquittoClients: {
    title: 'mosquitto_pub',
    debian: 'mosquitto-clients',
    isPresent: () => hasProgram('mosquitto_pub'),
  },
  compiler: { title: 'a C compiler', debian: 'build-essential', isPresent: () => hasProgram('cc') },
  chromium: {
    title: 'Chromium',
    debian: 'chromium',
    isPresent: () => ['chromium', 'chromium-browser', 'google-chrome'].some(hasProgram),
  },
  prometheus: { title: 'Prometheus', debian: 'prometheus', isPresent: () => hasProgram('promtool') },
  mbedtls: {
    title: 'mbedTLS',
    debian: 'libmbedtls-dev',
    isPresent: () => ['/usr/include', '/usr/local/include'].some((each) => existsSync(join(each, 'mbedtls', 'pk.h'))),
  },
};

/** How to become root without asking anybody: a command prefix, or undefined. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? ['sudo', '-n'] : undefined;
}

// Debian starts a server when its package is installed. A policy-rc.d that answers 101 forbids it; one that is already
// there is left alone.
const INSTALL_SCRIPT = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get install -y --no-install-recommends "$@" || { apt-get update && apt-get install -y --no-install-recommends "$@"; }
`;

/** Finds the packages or installs them; a failure names what to install. */
export async function requireSystemPackages(wanted) {
  const missing = wanted.filter((each) => !each.isPresent());
  if (missing.length === 0) return;
  const names = missing.map((each) => each.debian);
  const titles = missing.map((each) => each.title).join(', ');
  const hasApt = existsSync('/usr/bin/apt-get');
  const advice = hasApt
    ? `sudo apt-get install ${names.join(' ')}`
    : missing.map((each) => `${each.title} (${each.debian} on Debian)`).join(', ');
  const failure = new BootstrapFailure(
    `${titles} ${missing.length === 1 ? 'is' : 'are'} missing. Install ${missing.length === 1 ? 'it' : 'them'}: ${advice}`,
  );
  const prefix = hasApt ? rootPrefix() : undefined;
  if (prefix === undefined) throw failure;
  console.error(`Installing ${titles} (apt-get install ${names.join(' ')})...`);
  const [command, ...args] = [...prefix, 'sh', '-c', INSTALL_SCRIPT, 'sh', ...names];
  const code = await runCommand(command, args);
  if (code !== 0 || !missing.every((each) => each.isPresent())) throw failure;
}
