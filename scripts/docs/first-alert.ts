import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../process/free-port.ts';
import { openGuard } from '../process/guard.ts';
import { readTerminals } from './readme-terminals.ts';
import { stabilize } from './stable-text.ts';
import { openTerminal } from './terminal.ts';

/** The embedded database alone is compiled for ten seconds of a core that nobody else uses. */
const READY_DEADLINE_MS = 180_000;
const LISTENING_DEADLINE_MS = 60_000;
const START = 'npm start -- --no-sim';
const SHOWN_OF_START = /^(\$ .*|Telltale is ready\.| {2}(telemetry|alerts) .*)$/;

const DEFAULT_PORTS = {
  TELLTALE_INGEST_PORT: '8080',
  TELLTALE_BROADCASTER_PORT: '8081',
  TELLTALE_INGEST_ADMIN_PORT: '9101',
  TELLTALE_WORKER_ADMIN_PORT: '9102',
  TELLTALE_BROADCASTER_ADMIN_PORT: '9103',
  TELLTALE_DEV_REDIS_PORT: '6390',
  TELLTALE_DEV_POSTGRES_PORT: '5440',
  TELLTALE_DEV_MQTT_PORT: '1884',
} as const;

/**
 * The page docs/first-alert.md: what the commands of the README print on a platform of its own, which is gone afterwards.
 *
 * @param prepare is given the folder of that platform before it starts
 */
export async function writeFirstAlert(
  readme: string,
  prepare: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const [listen = [], act = []] = readTerminals(readme);
  // In the project, where npx finds the program; out of the way of what its user has there.
  await mkdir('.telltale', { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(process.cwd(), '.telltale', 'transcript-'));
  const desk = join(folder, 'desk');
  await mkdir(desk);
  await using guard = openGuard();
  try {
    const { environment, ports } = await choosePorts(join(folder, 'platform'));
    await prepare(join(folder, 'platform'));
    const open = (name: string, commands: readonly string[], cwd: string) =>
      openTerminal({ name, commands, cwd, environment }, guard);
    await using platform = await open('npm start', [START], process.cwd());
    await platform.until(/^Ctrl-C stops everything\.$/m, READY_DEADLINE_MS);
    await using listener = await open('the second terminal', listen, desk);
    await listener.until(/^listening to /m, LISTENING_DEADLINE_MS);
    await using actor = await open('the third terminal', act, desk);
    await actor.ended();
    await listener.until(/ raised /, LISTENING_DEADLINE_MS);
    await listener.interrupt();
    const shown = platform.transcript.split('\n').filter((line) => SHOWN_OF_START.test(line));
    return stabilize(formatPage(`${shown.join('\n')}\n`, listener.transcript, actor.transcript), ports);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function choosePorts(
  folder: string,
): Promise<{ readonly environment: NodeJS.ProcessEnv; readonly ports: ReadonlyMap<string, string> }> {
  const environment: NodeJS.ProcessEnv = { TELLTALE_DEV_DIR: folder };
  const ports = new Map<string, string>();
  for (const [name, byDefault] of Object.entries(DEFAULT_PORTS)) {
    const port = String(await findFreePort());
    environment[name] = port;
    ports.set(port, byDefault);
  }
  return { environment, ports };
}

function formatPage(platform: string, listener: string, actor: string): string {
  return `# Your first alert

What the commands of the [README](../README.md#your-own-device) print. \`npm run docs:transcript\` runs them on a platform of its own and
writes this page; keys, times and ids are other ones each time.

The first terminal has the platform, here without its simulated fleet:

\`\`\`text
${platform}\`\`\`

The second one listens, and is ended with Ctrl-C when the alert is there:

\`\`\`text
${listener}\`\`\`

The third one has the device:

\`\`\`text
${actor}\`\`\`
`;
}
