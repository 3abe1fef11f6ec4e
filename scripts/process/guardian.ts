import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** The other end of guard.ts: reads `+<pid>` and `-<pid>`, and ends what is left when its standard input ends. */

const GRACE_MS = 5000;
const POLL_MS = 100;

/** Answers whether the process group still exists. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

async function endAll(pids: ReadonlySet<number>): Promise<void> {
  for (const pid of pids) signalGroup(pid, 'SIGTERM');
  const deadline = performance.now() + GRACE_MS;
  while ([...pids].some((pid) => signalGroup(pid, 0)) && performance.now() < deadline) await delay(POLL_MS);
  for (const pid of pids) signalGroup(pid, 'SIGKILL');
}

const watched = new Set<number>();
for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) watched.add(pid);
  else watched.delete(pid);
}
await endAll(watched);
