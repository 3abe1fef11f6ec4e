import type { Envelope } from '../envelope/envelope.ts';

/** Unless it is told otherwise, a device takes a longer silence for a loss and sends again. The front door answers within milliseconds. */
export const REPLY_TIMEOUT_MS = 5000;

/** What became of one sending of an envelope, as the device sees it. */
export type Delivery =
  | { readonly kind: 'accepted'; readonly readings: number }
  /** A final no; `serverTimeMs` when the server told its time. */
  | { readonly kind: 'refused'; readonly code: string; readonly serverTimeMs?: number | undefined }
  /** Not now. */
  | { readonly kind: 'busy'; readonly code: string; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'unanswered'; readonly reason: Silence; readonly detail: string };

/** Nothing arrived where the connection was refused; else it may have arrived or not. */
export type Silence = 'connection-refused' | 'connection-lost' | 'timeout';

/** How one device sends; each device has its own. */
export interface Transport extends Disposable {
  /** Whether what is sent once may be judged more than once: a broker and the platform behind it try again by themselves. */
  readonly repeats: boolean;
  /** Never rejects. An abort of the signal counts as no answer. */
  deliver(envelope: Envelope, signal: AbortSignal): Promise<Delivery>;
}
