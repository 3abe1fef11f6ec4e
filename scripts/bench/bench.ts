import type { Guard } from '../process/guard.ts';

export interface BenchContext {
  readonly guard: Guard;
  /** Private to this run and removed after it, on the disk that the development stack uses. */
  readonly folder: string;
  readonly stop: AbortSignal;
  /** Progress, for a person. */
  readonly say: (line: string) => void;
  /** A folder of recordings, for a bench that needs one. */
  readonly data?: string | undefined;
}

export interface BenchReport {
  /** The JSON line. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The same for a person. */
  readonly lines: readonly string[];
  /** What did not hold; the bench has passed when there is none. */
  readonly problems: readonly string[];
}

export interface Bench {
  readonly name: string;
  readonly description: string;
  /** Rejects when the signal is aborted. */
  readonly run: (context: BenchContext) => Promise<BenchReport>;
}
