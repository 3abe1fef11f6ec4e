import { setImmediate as turnOfTheLoop, setTimeout as delay } from 'node:timers/promises';

/** Resolves after the time, or at once when the signal aborts. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (durationMs <= 0 || signal.aborted) return;
  await delay(durationMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** Unix milliseconds. Who is late gives the network a turn first: catching up must not starve the sending. */
export async function pauseUntil(timeMs: number, signal: AbortSignal): Promise<void> {
  const waitMs = timeMs - Date.now();
  if (waitMs > 0) await pause(Math.ceil(waitMs), signal);
  else await turnOfTheLoop();
}
