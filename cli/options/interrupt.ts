/** Aborted by Ctrl-C or SIGTERM; a second one ends the process as if nobody had listened. */
export function createInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort(signal));
  return controller.signal;
}
