const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C arrives more than once: from the terminal, from npm and from the bootstrap. */
const SAME_REQUEST_MS = 1000;

/**
 * Aborted by the first request to stop, which is a signal or the death of the process that started this one. A second
 * signal, later than a second, ends the process at once.
 */
export function createStopRequest(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const request = (reason: string) => {
    const now = performance.now();
    firstAt ??= now;
    if (now - firstAt > SAME_REQUEST_MS) process.exit(130);
    controller.abort(reason);
  };
  for (const signal of SIGNALS) process.on(signal, () => request(signal));
  process.once('disconnect', () => controller.abort('parent process gone'));
  process.channel?.unref();
  return controller.signal;
}
