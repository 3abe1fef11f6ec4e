import { SingleBar } from 'cli-progress';
import type { Tally } from './tally.ts';

const REFRESH_MS = 500;
const LINE_EVERY_MS = 10_000;
const COUNTS = 'readings accepted {accepted}, rejected {rejected}, waiting {waiting} | p99 {p99} ms';
const BAR_FORMAT = `{name} [{bar}] {percentage}% | ${COUNTS}`;
const LINE_FORMAT = `{name} {elapsed} s | packs {value} of {total} | ${COUNTS}`;
const ENDLESS_FORMAT = `{name} {elapsed} s | packs {value} | ${COUNTS}`;

export interface ProgressOptions {
  readonly name: string;
  readonly expectedPacks: number | undefined;
  readonly output: NodeJS.WriteStream;
  readonly tally: Tally;
  /** Packs that the devices have made so far. */
  packs(): number;
  /** Readings that wait for their outcome. */
  waiting(): number;
}

/** A line that is renewed in a terminal, and a new line every ten seconds in a file or a pipe. */
export function showProgress(options: ProgressOptions): Disposable {
  const { expectedPacks, output, name } = options;
  const startedMs = performance.now();
  const bar = new SingleBar({
    stream: output,
    format: expectedPacks === undefined ? ENDLESS_FORMAT : output.isTTY ? BAR_FORMAT : LINE_FORMAT,
    barsize: 20,
    noTTYOutput: true,
    notTTYSchedule: LINE_EVERY_MS,
    // Without a terminal there is nothing to clear, and this leaves out the empty line at the end.
    clearOnComplete: !output.isTTY,
    emptyOnZero: true,
  });
  const counts = () => ({
    name,
    elapsed: Math.round((performance.now() - startedMs) / 1000),
    accepted: options.tally.acceptedReadings,
    rejected: options.tally.rejectedReadings,
    waiting: options.waiting(),
    p99: options.tally.latencyMs.p99.toFixed(1),
  });
  const update = () => bar.update(options.packs(), counts());
  bar.start(expectedPacks ?? 0, 0, counts());
  const timer = setInterval(update, REFRESH_MS);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      update();
      bar.stop();
    },
  };
}
