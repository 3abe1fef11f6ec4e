import { setMaxListeners } from 'node:events';

/** One Ctrl-C arrives more than once: from the terminal, and from the commands above this one. */
const SAME_REQUEST_MS = 1000;

export interface StopRequests extends Disposable {
  /** Make nothing new, and send what there is. */
  readonly stop: AbortSignal;
  /** Send nothing more either. */
  readonly abandon: AbortController;
}

/** The first signal stops, a second one later than a second abandons; so does an output that nobody reads. */
export function listenForStop(): StopRequests {
  const stopping = new AbortController();
  const abandon = new AbortController();
  // Each waiting device listens to it.
  setMaxListeners(0, abandon.signal);
  let firstMs: number | undefined;
  const request = () => {
    firstMs ??= performance.now();
    stopping.abort();
    if (performance.now() - firstMs > SAME_REQUEST_MS) abandon.abort();
  };
  const onOutputError = (error: Error) => {
    if (!('code' in error && error.code === 'EPIPE')) throw error;
    stopping.abort();
  };
  process.on('SIGINT', request).on('SIGTERM', request);
  process.stdout.on('error', onOutputError);
  return {
    stop: stopping.signal,
    abandon,
    // The output keeps its listener: a write that is still under way may fail later.
    [Symbol.dispose]: () => void process.off('SIGINT', request).off('SIGTERM', request),
  };
}
