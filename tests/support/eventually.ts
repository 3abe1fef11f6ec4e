import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/** Repeats the assertion until it holds; after the deadline its last failure is the test's. */
export async function eventually<T>(assertion: () => T | Promise<T>, deadlineMs = 30_000): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await delay(POLL_MS);
  }
}
