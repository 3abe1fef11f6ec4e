import type { RunningProcess } from '../../../scripts/process/running-process.ts';

/** The database of a platform that is broken on purpose: the same port and data at each start. */
export interface ChaosDatabase extends AsyncDisposable {
  readonly url: string;
  readonly start: () => Promise<RunningProcess>;
  /** Of a server that runs for the first time. */
  createDatabase(): Promise<void>;
  readonly disk: ChaosDisk | undefined;
}

/** A disk that is the database's own, so that it can be filled. */
export interface ChaosDisk {
  /** Until nothing more can be written. */
  fill(): Promise<void>;
  /** Whether the database has no room for a table of a few megabytes, or gives up over it. */
  isFelt(): Promise<boolean>;
  free(): Promise<void>;
}
