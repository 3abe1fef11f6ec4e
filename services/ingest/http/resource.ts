import type { Result } from '../../../core/result.ts';
import type { HttpOutcome, Rejected } from '../outcome.ts';
import type { RequestHeaders } from './read-headers.ts';

/** When and from where a request came, once its content is complete. */
export interface Arrival {
  /** What rate limits count by; undefined when no address is known. */
  readonly source: string | undefined;
  /** Unix milliseconds. */
  readonly receivedMs: number;
}

export type Decide = (arrival: Arrival, content: Uint8Array) => Promise<HttpOutcome>;

/** What can be asked of one path, by its only method. */
export interface Resource {
  readonly method: 'GET' | 'POST';
  readonly maxContentBytes: number;
  /** Judges the header fields; answers what decides the request once its content is there. */
  readonly open: (headers: RequestHeaders) => Result<Decide, Rejected>;
}

/** Undefined for a path that leads nowhere. */
export type FindResource = (path: string) => Resource | undefined;
