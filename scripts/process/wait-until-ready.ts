import { setTimeout as delay } from 'node:timers/promises';
import type { RunningProcess } from './running-process.ts';

const POLL_MS = 50;

/** Polls until the probe answers true; ends early, with the last lines of the process, when it dies or is too late. */
export async function waitUntilReady(
  running: RunningProcess,
  probe: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await probe().catch(() => false))) {
    if (running.hasExited) {
      await running.exited;
      throw running.explain('ended before it was ready');
    }
    if (performance.now() > deadline) throw running.explain(`is not ready after ${deadlineMs / 1000} s`);
    await delay(POLL_MS);
  }
}
