import type { CutOffServer } from '../../support/cut-off-server.ts';

/** What can happen to a program of the platform. */
export interface Breakable {
  readonly runs: boolean;
  /** Ready when it returns. Does nothing when it runs. */
  start(): Promise<void>;
  kill9(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Alive and silent. */
  freeze(): Promise<void>;
  resume(): void;
}

/** The Redis of a platform that is broken on purpose: one server, or a cluster in which one master at a time is broken. */
export interface ChaosRedis extends AsyncDisposable {
  /** Through the ways. */
  readonly url: string;
  readonly ways: readonly CutOffServer[];
  /** Of the servers themselves. */
  readonly serverUrls: readonly string[];
  readonly member: Breakable;
}
