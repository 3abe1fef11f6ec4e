import { setImmediate as turn } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';

/** A turn for the bar to be drawn in costs more than a step of most work. */
const DRAW_EVERY_MS = 100;

export interface Progress extends Disposable {
  /** To what is done by now, or one step. */
  advance(done?: number): Promise<void>;
}

/** A bar on standard error for work that takes a while; nothing where nobody watches. */
export function openProgress(what: string, total: number, output: NodeJS.WriteStream = process.stderr): Progress {
  if (!output.isTTY) return { advance: () => Promise.resolve(), [Symbol.dispose]: () => undefined };
  const bar = new SingleBar({
    stream: output,
    format: `${what} [{bar}] {percentage}% | {value} of {total} | {duration_formatted}`,
    barsize: 24,
    clearOnComplete: true,
    emptyOnZero: true,
    hideCursor: true,
  });
  bar.start(total, 0);
  let at = 0;
  let drawnMs = performance.now();
  let isOpen = true;
  return {
    advance: async (done = at + 1) => {
      at = done;
      if (performance.now() - drawnMs < DRAW_EVERY_MS) return;
      drawnMs = performance.now();
      bar.update(at);
      await turn();
    },
    [Symbol.dispose]: () => {
      if (isOpen) bar.stop();
      isOpen = false;
    },
  };
}
